package sdjwt_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/disclosure/sdjwt"
)

var rfcCompact = []string{"5.1.txt", "5.2.txt", "A.1.txt", "A.2-all.txt", "A.3.txt", "A.4.txt"}

// What is parsed is written as it was read, and what can be presented stays presentable.
func FuzzParse(f *testing.F) {
	for _, name := range rfcCompact {
		f.Add(unwrapped(f, name))
	}
	f.Add("~")
	f.Add("..~")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := sdjwt.Parse(text)
		if err != nil {
			return
		}
		require.Equal(t, text, s.Compact())
		again, err := sdjwt.ParseJSON(s.JSON())
		require.NoError(t, err)
		require.Equal(t, text, again.Compact())
		disclosures, err := s.Disclosures()
		if err != nil {
			return
		}
		for _, d := range disclosures {
			one, err := s.Present(d.Path())
			require.NoError(t, err)
			_, err = one.Disclosures()
			require.NoError(t, err)
		}
	})
}

func FuzzParseJSON(f *testing.F) {
	for _, name := range []string{"8.2-issued.jws.json", "8.2-presented.jws.json", "8.3.jws.json"} {
		f.Add(rfcFile(f, name))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := sdjwt.ParseJSON(text)
		if err != nil {
			return
		}
		again, err := sdjwt.ParseJSON(s.JSON())
		require.NoError(t, err)
		require.Equal(t, s.JSON(), again.JSON())
	})
}

// A payload and a disclosure of anybody's making, rightly signed: what gets through has no digest left, and encoding/json
// reads the same from it.
func FuzzVerify(f *testing.F) {
	f.Add(`{"_sd":["D"],"a":[{"...":"E"}]}`, `["salt","b",{"_sd":[]}]`, `["salt",[1e400,"\ud83d\ude00"]]`)
	f.Add(`{"a":{"...":1},"exp":1e9}`, `["salt","_sd",[]]`, `[]`)
	f.Add(`{"_sd_alg":"sha-256","_sd":["D","E"]}`, `["salt","",null]`, `["salt","a",true]`)
	key := seededKey(1)
	f.Fuzz(func(t *testing.T, payload, one, two string) {
		d, e := encode(one), encode(two)
		payload = replaceDigests(payload, digest(d), digest(e))
		claims, err := sdjwt.Verify(compact(sign(t, key, plainHeader, payload), d, e), key.Public(), nil)
		if err != nil {
			require.Nil(t, claims)
			return
		}
		requireNoDigests(t, map[string]any(claims))
		require.NotContains(t, claims, "_sd_alg")
		text, err := json.Marshal(claims)
		require.NoError(t, err)
		again, err := sdjwt.Issue(json.RawMessage(text), key, nil)
		require.NoError(t, err)
		got, err := again.Verify(key.Public(), nil)
		require.NoError(t, err)
		require.Equal(t, claims, got)
	})
}

// replaceDigests puts digests where a payload has "D" and "E", since no fuzzer guesses them.
func replaceDigests(payload, d, e string) string {
	var text []byte
	for i := range len(payload) {
		switch c := payload[i]; {
		case c == 'D':
			text = append(text, d...)
		case c == 'E':
			text = append(text, e...)
		default:
			text = append(text, c)
		}
	}
	return string(text)
}

func requireNoDigests(t *testing.T, v any) {
	switch v := v.(type) {
	case map[string]any:
		require.NotContains(t, v, "_sd")
		require.NotContains(t, v, "...")
		for _, member := range v {
			requireNoDigests(t, member)
		}
	case []any:
		for _, element := range v {
			requireNoDigests(t, element)
		}
	}
}
