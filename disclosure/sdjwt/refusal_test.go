package sdjwt_test

import (
	"crypto"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/disclosure/sdjwt"
)

// A forger signs what the package would not make: he is an issuer and a holder who is careless or malicious.
type forger struct {
	t              testing.TB
	issuer, holder crypto.Signer
	now            time.Time
	options        sdjwt.VerifyOptions
}

func newForger(t testing.TB) *forger {
	return &forger{t: t, issuer: newKey(t), holder: newES256(t), now: time.Unix(1_700_000_000, 0)}
}

const plainHeader = `{"alg":"EdDSA","typ":"sd-jwt"}`

// verify signs a payload and verifies it with disclosures.
func (f *forger) verify(header, payload string, disclosures ...string) error {
	return f.verifyText(compact(sign(f.t, f.issuer, header, payload), disclosures...))
}

func (f *forger) verifyText(text string) error {
	if f.options.Now.IsZero() {
		f.options.Now = f.now
	}
	claims, err := sdjwt.Verify(text, f.issuer.Public(), &f.options)
	if err != nil {
		assert.Nil(f.t, claims, "claims beside an error")
	}
	return err
}

func compact(token string, disclosures ...string) string {
	return strings.Join(append([]string{token}, append(disclosures, "")...), "~")
}

// object is a payload that has the digests of disclosures.
func object(disclosures ...string) string { return fmt.Sprintf(`{"_sd":%s}`, digests(disclosures...)) }

func digests(disclosures ...string) string {
	list := []string{}
	for _, d := range disclosures {
		list = append(list, digest(d))
	}
	text, _ := json.Marshal(list)
	return string(text)
}

// jwk is the holder's key as a claim.
func (f *forger) cnf() string {
	key, err := sdjwt.MarshalJWK(f.holder.Public())
	require.NoError(f.t, err)
	return fmt.Sprintf(`{"cnf":{"jwk":%s}}`, key)
}

// bind verifies with a key binding, which is good but for the claims and header given.
func (f *forger) bind(header string, change map[string]any) error {
	token := compact(sign(f.t, f.issuer, plainHeader, f.cnf()))
	claims := map[string]any{"aud": "verifier", "nonce": "n", "iat": f.now.Unix(), "sd_hash": digest(token)}
	maps.Copy(claims, change)
	maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
	payload, err := json.Marshal(claims)
	require.NoError(f.t, err)
	f.options.RequireKeyBinding, f.options.Audience, f.options.Nonce = true, "verifier", "n"
	return f.verifyText(token + sign(f.t, f.holder, header, string(payload)))
}

const bindingHeader = `{"alg":"ES256","typ":"kb+jwt"}`

// A refusal is a forgery that one check of the package finds, by name, and no other.
type refusal struct {
	check string
	want  error
	forge func(f *forger) error
}

func nested(open, close string, depth int) string {
	return strings.Repeat(open, depth) + strings.Repeat(close, depth)
}

// chain discloses a value in a value in a value, each of which is flat.
func chain(depth int, hold func(digest string) string, salted func(value string) string) (top string, disclosures []string) {
	value := "1"
	for range depth {
		d := encode(salted(value))
		disclosures = append(disclosures, d)
		value = hold(digest(d))
	}
	return value, disclosures
}

var refusals = []refusal{
	// The text.
	{"base64url is exact", sdjwt.ErrMalformed, func(f *forger) error {
		d := encode(`["salt","a",1]`)
		d = d[:4] + "\n" + d[4:]
		return f.verify(plainHeader, object(d), d)
	}},
	{"base64url is exact", sdjwt.ErrMalformed, func(f *forger) error {
		d := encode(`["salt","abc",1]`)
		require.NotZero(f.t, len(d)%4)
		d = d[:len(d)-1] + string(d[len(d)-1]+1) // the bits that no byte has
		return f.verify(plainHeader, object(d), d)
	}},
	{"base64url is exact", sdjwt.ErrMalformed, func(f *forger) error {
		d := base64.URLEncoding.EncodeToString([]byte(`["salt","abc",1]`))
		require.Contains(f.t, d, "=")
		return f.verify(plainHeader, object(d), d)
	}},
	{"JSON is UTF-8", sdjwt.ErrMalformed, func(f *forger) error {
		return f.verify(plainHeader, "{\"a\":\"\xff\"}")
	}},
	{"JSON objects are not too deep", sdjwt.ErrLimit, func(f *forger) error {
		return f.verify(`{"alg":"EdDSA","typ":"sd-jwt","x":`+nested(`{"x":`, `}`, 16)[:16*5]+`1`+strings.Repeat("}", 16)+`}`, `{}`)
	}},
	{"JSON arrays are not too deep", sdjwt.ErrLimit, func(f *forger) error {
		return f.verify(`{"alg":"EdDSA","typ":"sd-jwt","x":`+nested(`[`, `]`, 16)+`}`, `{}`)
	}},
	{"names occur once", sdjwt.ErrMalformed, func(f *forger) error {
		return f.verify(plainHeader, `{"price":1,"price":2}`)
	}},
	{"names occur once", sdjwt.ErrMalformed, func(f *forger) error {
		return f.verify(plainHeader, `{"price":1,"pr\u0069ce":2}`)
	}},
	{"surrogates come in pairs", sdjwt.ErrMalformed, func(f *forger) error {
		return f.verify(plainHeader, `{"a":"\ud800\u0041"}`)
	}},
	{"compact texts are not too long", sdjwt.ErrLimit, func(f *forger) error {
		return f.verify(plainHeader, `{"a":"`+strings.Repeat("a", sdjwt.MaxSize)+`"}`)
	}},
	{"disclosures are not too many", sdjwt.ErrLimit, func(f *forger) error {
		var disclosures []string
		for i := range sdjwt.MaxDisclosures + 1 {
			disclosures = append(disclosures, encode(fmt.Sprintf(`["%d","%d",1]`, i, i)))
		}
		return f.verify(plainHeader, object(disclosures...), disclosures...)
	}},

	// The signature.
	{"nothing critical is ignored", sdjwt.ErrMalformed, func(f *forger) error {
		return f.verify(`{"alg":"EdDSA","typ":"sd-jwt","crit":["b64"],"b64":true}`, `{}`)
	}},
	{"the key decides the algorithm", sdjwt.ErrAlgorithm, func(f *forger) error {
		return f.verify(`{"alg":"none","typ":"sd-jwt"}`, `{}`)
	}},
	{"the key decides the algorithm", sdjwt.ErrAlgorithm, func(f *forger) error {
		return f.verify(`{"alg":"HS256","typ":"sd-jwt"}`, `{}`)
	}},
	{"the key decides the algorithm", sdjwt.ErrAlgorithm, func(f *forger) error {
		return f.verify(`{"alg":"ES256","typ":"sd-jwt"}`, `{}`)
	}},
	{"signatures verify", sdjwt.ErrSignature, func(f *forger) error {
		token := sign(f.t, newKey(f.t), plainHeader, `{}`)
		return f.verifyText(compact(token))
	}},
	{"signatures verify", sdjwt.ErrSignature, func(f *forger) error {
		parts := strings.Split(sign(f.t, f.issuer, plainHeader, `{"price":1}`), ".")
		parts[1] = encode(`{"price":2}`)
		return f.verifyText(compact(strings.Join(parts, ".")))
	}},
	{"the type is expected", sdjwt.ErrType, func(f *forger) error {
		return f.verify(`{"alg":"EdDSA","typ":"kb+jwt"}`, `{}`)
	}},
	{"the type is expected", sdjwt.ErrType, func(f *forger) error {
		f.options.Types = []string{"a+sd-jwt"}
		return f.verify(`{"alg":"EdDSA","typ":"b+sd-jwt"}`, `{}`)
	}},
	{"the type is expected", sdjwt.ErrType, func(f *forger) error {
		return f.verify(`{"alg":"EdDSA"}`, `{}`)
	}},

	// Disclosures and digests.
	{"a disclosure has two or three parts", sdjwt.ErrDisclosure, func(f *forger) error {
		d := encode(`["salt","a",1,2]`)
		return f.verify(plainHeader, object(d), d)
	}},
	{"a salt is text", sdjwt.ErrDisclosure, func(f *forger) error {
		d := encode(`[1,"a",1]`)
		return f.verify(plainHeader, object(d), d)
	}},
	{"a name is text", sdjwt.ErrDisclosure, func(f *forger) error {
		d := encode(`["salt",1,1]`)
		return f.verify(plainHeader, object(d), d)
	}},
	{"the hash is sha-256", sdjwt.ErrAlgorithm, func(f *forger) error {
		return f.verify(plainHeader, `{"_sd_alg":"sha-1"}`)
	}},
	{"each disclosure has its digest", sdjwt.ErrDigest, func(f *forger) error {
		return f.verify(plainHeader, `{}`, encode(`["salt","a",1]`))
	}},
	{"each disclosure has its digest", sdjwt.ErrDigest, func(f *forger) error {
		d := encode(`["salt","a",1]`)
		return f.verify(plainHeader, object(d), d, d)
	}},
	{"each disclosure has its digest", sdjwt.ErrDigest, func(f *forger) error { // withheld is what it lies in
		inner := encode(`["salt","b",1]`)
		outer := encode(`["salt","a",` + object(inner) + `]`)
		return f.verify(plainHeader, object(outer), inner)
	}},
	{"disclosed objects are not too deep", sdjwt.ErrLimit, func(f *forger) error {
		top, disclosures := chain(sdjwt.MaxDepth, func(d string) string { return `{"_sd":["` + d + `"]}` },
			func(v string) string { return `["salt","a",` + v + `]` })
		return f.verify(plainHeader, `{"x":`+top+`}`, disclosures...)
	}},
	{"disclosed arrays are not too deep", sdjwt.ErrLimit, func(f *forger) error {
		top, disclosures := chain(sdjwt.MaxDepth, func(d string) string { return `[{"...":"` + d + `"}]` },
			func(v string) string { return `["salt",` + v + `]` })
		return f.verify(plainHeader, `{"x":`+top+`}`, disclosures...)
	}},
	{"no claim has the name of a placeholder", sdjwt.ErrMalformed, func(f *forger) error {
		return f.verify(plainHeader, `{"a":{"...":"x"}}`)
	}},
	{"digests are a list", sdjwt.ErrMalformed, func(f *forger) error {
		return f.verify(plainHeader, `{"_sd":"x"}`)
	}},
	{"digests are text", sdjwt.ErrMalformed, func(f *forger) error {
		return f.verify(plainHeader, `{"_sd":[1]}`)
	}},
	{"digests are text", sdjwt.ErrMalformed, func(f *forger) error {
		return f.verify(plainHeader, `{"a":[{"...":1}]}`)
	}},
	{"members of objects have names", sdjwt.ErrDisclosure, func(f *forger) error {
		d := encode(`["salt",1]`)
		return f.verify(plainHeader, object(d), d)
	}},
	{"elements of arrays have no names", sdjwt.ErrDisclosure, func(f *forger) error {
		d := encode(`["salt","a",1]`)
		return f.verify(plainHeader, `{"a":[{"...":"`+digest(d)+`"}]}`, d)
	}},
	{"no disclosure has a reserved name", sdjwt.ErrDisclosure, func(f *forger) error {
		d := encode(`["salt","_sd",["x"]]`)
		return f.verify(plainHeader, object(d), d)
	}},
	{"no disclosure has a reserved name", sdjwt.ErrDisclosure, func(f *forger) error {
		d := encode(`["salt","...","x"]`)
		return f.verify(plainHeader, object(d), d)
	}},
	{"no disclosure has a reserved name", sdjwt.ErrDisclosure, func(f *forger) error {
		d := encode(`["salt","_sd_alg","md5"]`)
		return f.verify(plainHeader, object(d), d)
	}},
	{"no disclosure replaces a claim", sdjwt.ErrDisclosure, func(f *forger) error {
		d := encode(`["salt","price",2]`)
		return f.verify(plainHeader, `{"price":1,"_sd":["`+digest(d)+`"]}`, d)
	}},
	{"no disclosure replaces a claim", sdjwt.ErrDisclosure, func(f *forger) error {
		one, two := encode(`["salt","price",1]`), encode(`["salt","price",2]`)
		return f.verify(plainHeader, object(one, two), one, two)
	}},
	{"a placeholder has one member", sdjwt.ErrMalformed, func(f *forger) error {
		return f.verify(plainHeader, `{"a":[{"...":"x","b":1}]}`)
	}},
	{"digests occur once", sdjwt.ErrDigest, func(f *forger) error {
		return f.verify(plainHeader, `{"_sd":["x"],"a":{"_sd":["x"]}}`)
	}},
	{"digests occur once", sdjwt.ErrDigest, func(f *forger) error {
		inner := encode(`["salt",1]`)
		outer := encode(`["salt","a",[{"...":"` + digest(inner) + `"}]]`)
		return f.verify(plainHeader, `{"b":[{"...":"`+digest(inner)+`"}],"_sd":`+digests(outer)+`}`, outer, inner)
	}},
	{"digests are not too many", sdjwt.ErrLimit, func(f *forger) error {
		var decoys []string
		for i := range sdjwt.MaxDigests + 1 {
			decoys = append(decoys, fmt.Sprintf(`"%d"`, i))
		}
		return f.verify(plainHeader, `{"_sd":[`+strings.Join(decoys, ",")+`]}`)
	}},

	// Validity.
	{"required claims are there", sdjwt.ErrMissing, func(f *forger) error {
		f.options.Require = []string{"exp"}
		return f.verify(plainHeader, `{"a":1}`)
	}},
	{"the issuer is expected", sdjwt.ErrIssuer, func(f *forger) error {
		f.options.Issuer = "exchange"
		return f.verify(plainHeader, `{"iss":"another"}`)
	}},
	{"the token has not expired", sdjwt.ErrTime, func(f *forger) error {
		return f.verify(plainHeader, fmt.Sprintf(`{"exp":%d}`, f.now.Unix()))
	}},
	{"the token has not expired", sdjwt.ErrTime, func(f *forger) error { // which a holder cannot hide
		d := encode(`["salt","exp",1]`)
		return f.verify(plainHeader, object(d), d)
	}},
	{"the token is valid already", sdjwt.ErrTime, func(f *forger) error {
		return f.verify(plainHeader, fmt.Sprintf(`{"nbf":%d}`, f.now.Unix()+1))
	}},
	{"times are sensible numbers", sdjwt.ErrTime, func(f *forger) error {
		return f.verify(plainHeader, `{"nbf":"tomorrow"}`)
	}},
	{"times are sensible numbers", sdjwt.ErrTime, func(f *forger) error {
		return f.verify(plainHeader, `{"exp":1e30}`)
	}},
	{"the audience is the verifier", sdjwt.ErrAudience, func(f *forger) error {
		return f.verify(plainHeader, `{"aud":["another"]}`)
	}},
	{"the audience is the verifier", sdjwt.ErrAudience, func(f *forger) error {
		return f.verify(plainHeader, `{"aud":""}`)
	}},

	// Key binding.
	{"a JWK is public", sdjwt.ErrKey, func(f *forger) error {
		_, err := sdjwt.ParseJWK([]byte(`{"kty":"OKP","crv":"Ed25519","d":"x","x":"` + encode(strings.Repeat("x", 32)) + `"}`))
		return err
	}},
	{"a JWK has 32 bytes", sdjwt.ErrKey, func(f *forger) error { // the bytes of a point, cut in another place
		var key struct{ X, Y string }
		text, err := sdjwt.MarshalJWK(f.holder.Public())
		require.NoError(f.t, err)
		require.NoError(f.t, json.Unmarshal(text, &key))
		x, _ := base64.RawURLEncoding.DecodeString(key.X)
		y, _ := base64.RawURLEncoding.DecodeString(key.Y)
		x, y = append(x, y[0]), y[1:]
		_, err = sdjwt.ParseJWK(fmt.Appendf(nil, `{"kty":"EC","crv":"P-256","x":%q,"y":%q}`, encode(string(x)), encode(string(y))))
		return err
	}},
	{"a binding is the holder's", sdjwt.ErrKeyBinding, func(f *forger) error {
		honest := f.holder
		token := compact(sign(f.t, f.issuer, plainHeader, f.cnf()))
		f.holder = newES256(f.t)
		thief := sign(f.t, f.holder, bindingHeader, fmt.Sprintf(`{"aud":"verifier","nonce":"n","iat":%d,"sd_hash":%q}`, f.now.Unix(), digest(token)))
		f.holder = honest
		f.options.RequireKeyBinding, f.options.Audience, f.options.Nonce = true, "verifier", "n"
		return f.verifyText(token + thief)
	}},
	{"a binding has its own type", sdjwt.ErrKeyBinding, func(f *forger) error {
		return f.bind(`{"alg":"ES256","typ":"JWT"}`, nil)
	}},
	{"a binding has a time", sdjwt.ErrKeyBinding, func(f *forger) error {
		f.options.BindingAge = math.MaxInt64
		return f.bind(bindingHeader, map[string]any{"iat": nil})
	}},
	{"a binding is fresh", sdjwt.ErrKeyBinding, func(f *forger) error {
		return f.bind(bindingHeader, map[string]any{"iat": f.now.Add(-sdjwt.DefaultBindingAge).Unix() - 1})
	}},
	{"a binding is not from the future", sdjwt.ErrKeyBinding, func(f *forger) error {
		return f.bind(bindingHeader, map[string]any{"iat": f.now.Unix() + 1})
	}},
	{"a binding is for the verifier", sdjwt.ErrKeyBinding, func(f *forger) error {
		return f.bind(bindingHeader, map[string]any{"aud": "another"})
	}},
	{"a binding is for the verifier", sdjwt.ErrKeyBinding, func(f *forger) error { // the RFC wants one string
		return f.bind(bindingHeader, map[string]any{"aud": []string{"verifier"}})
	}},
	{"a binding is for the transaction", sdjwt.ErrKeyBinding, func(f *forger) error {
		return f.bind(bindingHeader, map[string]any{"nonce": "m"})
	}},
	{"a binding is for the disclosures", sdjwt.ErrKeyBinding, func(f *forger) error {
		return f.bind(bindingHeader, map[string]any{"sd_hash": digest("~")})
	}},
	{"a binding has not expired", sdjwt.ErrKeyBinding, func(f *forger) error {
		return f.bind(bindingHeader, map[string]any{"exp": f.now.Unix()})
	}},

	// The JWS JSON serialization.
	{"JSON texts are not too long", sdjwt.ErrLimit, func(f *forger) error {
		return f.json(func(o map[string]any) { o["x"] = strings.Repeat("x", sdjwt.MaxSize) })
	}},
	{"a form is general or flattened", sdjwt.ErrMalformed, func(f *forger) error {
		return f.json(func(o map[string]any) { o["signatures"] = []any{} })
	}},
	{"signatures are not too many", sdjwt.ErrLimit, func(f *forger) error {
		return f.json(general(9))
	}},
	{"disclosures are with the first signature", sdjwt.ErrMalformed, func(f *forger) error {
		return f.json(func(o map[string]any) {
			general(2)(o)
			entry := o["signatures"].([]any)[1].(map[string]any)
			o["signatures"].([]any)[1] = map[string]any{
				"protected": entry["protected"], "signature": entry["signature"], "header": map[string]any{"disclosures": []any{}},
			}
		})
	}},
	{"parts of a signature are text", sdjwt.ErrMalformed, func(f *forger) error {
		return f.json(func(o map[string]any) { o["signature"] = 1 })
	}},
	{"an unprotected header is an object", sdjwt.ErrMalformed, func(f *forger) error {
		return f.json(func(o map[string]any) { o["header"] = "x" })
	}},
	{"an unprotected header changes nothing", sdjwt.ErrMalformed, func(f *forger) error {
		return f.json(func(o map[string]any) { o["header"] = map[string]any{"typ": "other"} })
	}},
	{"an unprotected header changes nothing", sdjwt.ErrMalformed, func(f *forger) error {
		return f.json(func(o map[string]any) { o["header"] = map[string]any{"crit": []any{"x"}} })
	}},
	{"disclosures are a list", sdjwt.ErrMalformed, func(f *forger) error {
		return f.json(func(o map[string]any) { o["header"] = map[string]any{"disclosures": "x"} })
	}},
	{"a binding is text", sdjwt.ErrMalformed, func(f *forger) error {
		return f.json(func(o map[string]any) { o["header"] = map[string]any{"kb_jwt": 1} })
	}},

	// Commitments.
	{"it is the commitment logged", sdjwt.ErrCommitment, func(f *forger) error {
		logged, err := sdjwt.Commit("session", map[string]any{"price": 1}, f.issuer, nil)
		require.NoError(f.t, err)
		later, err := sdjwt.Commit("session", map[string]any{"price": 2}, f.issuer, nil)
		require.NoError(f.t, err)
		_, err = sdjwt.Open(later.Compact(), logged.Digest(), "session", f.issuer.Public(), nil)
		return err
	}},
	{"it is for the session", sdjwt.ErrCommitment, func(f *forger) error {
		other, err := sdjwt.Commit("another", map[string]any{"price": 1}, f.issuer, nil)
		require.NoError(f.t, err)
		_, err = sdjwt.Open(other.Compact(), other.Digest(), "session", f.issuer.Public(), nil)
		return err
	}},
}

// json parses the flattened form after a change.
func (f *forger) json(change func(map[string]any)) error {
	s, err := sdjwt.Issue(map[string]any{"a": 1}, f.issuer, nil)
	require.NoError(f.t, err)
	var o map[string]any
	require.NoError(f.t, json.Unmarshal(s.JSON(), &o))
	change(o)
	text, err := json.Marshal(o)
	require.NoError(f.t, err)
	_, err = sdjwt.ParseJSON(text)
	return err
}

func general(signatures int) func(map[string]any) {
	return func(o map[string]any) {
		entry := map[string]any{"protected": o["protected"], "signature": o["signature"]}
		o["signatures"] = slices.Repeat([]any{entry}, signatures)
		delete(o, "signature")
	}
}

func TestRefusals(t *testing.T) {
	for _, r := range refusals {
		t.Run(r.check, func(t *testing.T) { require.ErrorIs(t, r.forge(newForger(t)), r.want) })
	}
}

// What the forgeries change is all that is wrong with them.
func TestForgerCanBeHonest(t *testing.T) {
	require.NoError(t, newForger(t).bind(bindingHeader, nil))
	require.NoError(t, newForger(t).json(general(8)))
	require.NoError(t, newForger(t).json(func(map[string]any) {}))
	d := encode(`["salt","price",2]`)
	require.NoError(t, newForger(t).verify(plainHeader, object(d), d))
	require.NoError(t, newForger(t).verify(`{"alg":"Ed25519","typ":"application/a+sd-jwt"}`, `{"exp":1700000000.5}`),
		"a fraction of a second")
}
