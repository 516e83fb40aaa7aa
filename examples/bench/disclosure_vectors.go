package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"time"

	"github.com/deeperpoint/csss/disclosure/sdjwt"
)

// rfcIssuer is the key of appendix A.5 of RFC 9901.
const rfcIssuer = `{"kty": "EC", "crv": "P-256",
	"x": "b28d4MwZMjw8-00CG4xfnn9SLMVMM19SlqZpVb_uNtQ", "y": "Xv5zWwuoaTgdS6hV43yI6gBwTnjukmFQQnJ_kCxzqk8"}`

// rfcTime is when the RFC's key bindings were signed.
var rfcTime = time.Unix(1748537244, 0)

// rfc9901 verifies each compact example, and sees that it fails once any of its
// parts is missing or altered.
func (b *disclosureBench) rfc9901(context.Context) (finding, error) {
	names, err := filepath.Glob(filepath.Join(b.vectors, "*.txt"))
	if err != nil || len(names) == 0 {
		return finding{Skip: "no examples in the folder of -vectors"}, err
	}
	key, err := sdjwt.ParseJWK([]byte(rfcIssuer))
	if err != nil {
		return finding{}, err
	}
	var f finding
	fail := func(name, why string) {
		f.Violations++
		f.Broken = append(f.Broken, strings.TrimSuffix(filepath.Base(name), ".txt")+": "+why)
	}
	for _, name := range names {
		f.Count++
		text, want, err := rfcExample(name)
		if err != nil {
			return f, err
		}
		o := &sdjwt.VerifyOptions{Now: rfcTime, Audience: "https://verifier.example.org", Nonce: "1234567890", RequireKeyBinding: !strings.HasSuffix(text, "~")}
		claims, err := sdjwt.Verify(text, key, o)
		if err != nil {
			fail(name, err.Error())
			continue
		}
		if got, err := plain(claims); err != nil || !reflect.DeepEqual(got, want) {
			fail(name, "other claims than the RFC's")
		}
		for at := range strings.Count(text, "~") + 1 {
			if _, err := sdjwt.Verify(altered(text, at), key, o); err == nil {
				fail(name, fmt.Sprintf("verifies with part %d altered", at))
			}
		}
	}
	return f, nil
}

// rfcExample reads an example and the payload it stands for.
func rfcExample(name string) (text string, want any, err error) {
	raw, err := os.ReadFile(name)
	if err != nil {
		return "", nil, err
	}
	payload, err := os.ReadFile(strings.TrimSuffix(name, ".txt") + ".json")
	if err != nil {
		return "", nil, err
	}
	err = json.Unmarshal(payload, &want)
	return strings.Join(strings.Fields(string(raw)), ""), want, err
}

func plain(v any) (out any, err error) {
	data, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(data, &out)
	}
	return out, err
}

// altered changes a character in the middle of one part; a part that is empty
// gets one.
func altered(text string, at int) string {
	parts := strings.Split(text, "~")
	p := parts[at]
	if p == "" {
		parts[at] = "A"
		return strings.Join(parts, "~")
	}
	other := byte('A')
	if p[len(p)/2] == other {
		other = 'B'
	}
	parts[at] = p[:len(p)/2] + string(other) + p[len(p)/2+1:]
	return strings.Join(parts, "~")
}
