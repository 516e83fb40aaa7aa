package sdjwt_test

import (
	"bytes"
	"crypto"
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/disclosure/sdjwt"
)

const (
	rfcAudience = "https://verifier.example.org"
	rfcNonce    = "1234567890"
)

// When the RFC's own key bindings were signed, and those of section 8 as we have them.
var (
	rfcTime   = time.Unix(1748537244, 0)
	draftTime = time.Unix(1748361941, 0)
)

// rfcKey is the issuer's key of appendix A.5.
func rfcKey(t testing.TB) crypto.PublicKey {
	key, err := sdjwt.ParseJWK([]byte(`{"kty": "EC", "crv": "P-256",
		"x": "b28d4MwZMjw8-00CG4xfnn9SLMVMM19SlqZpVb_uNtQ", "y": "Xv5zWwuoaTgdS6hV43yI6gBwTnjukmFQQnJ_kCxzqk8"}`))
	require.NoError(t, err)
	return key
}

func rfcFile(t testing.TB, name string) []byte {
	data, err := os.ReadFile(filepath.Join("testdata", "rfc9901", name))
	require.NoError(t, err)
	return data
}

// unwrapped reads a compact form.
func unwrapped(t testing.TB, name string) string {
	return strings.Join(strings.Fields(string(rfcFile(t, name))), "")
}

func asJSON(t testing.TB, v any) string {
	text, err := json.Marshal(v)
	require.NoError(t, err)
	return string(text)
}

func TestRFC9901Examples(t *testing.T) {
	for _, example := range []struct {
		name  string
		bound bool
	}{
		{"5.1", false},
		{"5.2", true},
		{"A.1", false}, {"A.1-all", false},
		{"A.2", false}, {"A.2-all", false},
		{"A.3", true}, {"A.3-all", false},
		{"A.4", true}, {"A.4-all", false},
	} {
		t.Run(example.name, func(t *testing.T) {
			text := unwrapped(t, example.name+".txt")
			s, err := sdjwt.Parse(text)
			require.NoError(t, err)
			assert.Equal(t, text, s.Compact())
			assert.Equal(t, example.bound, s.IsBound())
			claims, err := s.Verify(rfcKey(t), &sdjwt.VerifyOptions{
				Now: rfcTime, Audience: rfcAudience, Nonce: rfcNonce, RequireKeyBinding: example.bound,
			})
			require.NoError(t, err)
			assert.JSONEq(t, string(rfcFile(t, example.name+".json")), asJSON(t, claims))
		})
	}
}

// The presentations of 5.2, A.1, A.2, A.3 and A.4 are made anew from all disclosures.
func TestRFC9901Presentations(t *testing.T) {
	for _, example := range []struct {
		from, name string
		paths      []string
	}{
		{"5.1", "5.2", []string{"/family_name", "/address", "/given_name", "/nationalities/0"}},
		{"A.1-all", "A.1", []string{"/address/region", "/address/country"}},
		{"A.2-all", "A.2", []string{
			"/verified_claims/verification/time", "/verified_claims/verification/evidence/0/method",
			"/verified_claims/claims/given_name", "/verified_claims/claims/family_name", "/verified_claims/claims/address",
		}},
		{"A.3-all", "A.3", []string{"/age_equal_or_over/18", "/nationalities"}},
		{"A.4-all", "A.4", []string{
			"/credentialSubject/order", "/credentialSubject/dateOfVaccination",
			"/credentialSubject/vaccine/atcCode", "/credentialSubject/vaccine/medicinalProductName",
		}},
	} {
		t.Run(example.name, func(t *testing.T) {
			all, err := sdjwt.Parse(unwrapped(t, example.from+".txt"))
			require.NoError(t, err)
			some, err := all.Present(example.paths...)
			require.NoError(t, err)
			claims, err := some.Verify(rfcKey(t), &sdjwt.VerifyOptions{Now: rfcTime})
			require.NoError(t, err)
			assert.JSONEq(t, string(rfcFile(t, example.name+".json")), asJSON(t, claims))

			ours, theirs := strings.Split(some.Compact(), "~"), strings.Split(unwrapped(t, example.name+".txt"), "~")
			assert.ElementsMatch(t, theirs[:len(theirs)-1], ours[:len(ours)-1], "the same disclosures")
		})
	}
}

func TestRFC9901JSONSerialization(t *testing.T) {
	const issued = `{"iss": "https://issuer.example.com", "iat": 1683000000, "exp": 1883000000, "sub": "john_doe_42",
		"given_name": "John", "family_name": "Doe", "birthdate": "1940-01-01", "cnf": {"jwk": {"kty": "EC", "crv": "P-256",
		"x": "TCAER19Zvu3OHF4j4W4vfSVoHIP1ILilDls7vCeGemc", "y": "ZxjiWWbZMQGHVWKVQ4hbSIirsVfuecCE6t4jT9F2HZQ"}}}`
	const presented = `{"iss": "https://issuer.example.com", "iat": 1683000000, "exp": 1883000000,
		"given_name": "John", "family_name": "Doe", "cnf": {"jwk": {"kty": "EC", "crv": "P-256",
		"x": "TCAER19Zvu3OHF4j4W4vfSVoHIP1ILilDls7vCeGemc", "y": "ZxjiWWbZMQGHVWKVQ4hbSIirsVfuecCE6t4jT9F2HZQ"}}}`
	for _, example := range []struct {
		name, want string
		bound      bool
	}{
		{"8.2-issued", issued, false},
		{"8.2-presented", presented, true},
		{"8.3", presented, true},
	} {
		t.Run(example.name, func(t *testing.T) {
			text := rfcFile(t, example.name+".jws.json")
			s, err := sdjwt.ParseJSON(text)
			require.NoError(t, err)
			claims, err := s.Verify(rfcKey(t), &sdjwt.VerifyOptions{
				Now: draftTime, Audience: rfcAudience, Nonce: rfcNonce, RequireKeyBinding: example.bound,
			})
			require.NoError(t, err)
			assert.JSONEq(t, example.want, asJSON(t, claims))

			if example.name != "8.3" { // whose kid in the open we do not keep
				assert.JSONEq(t, string(text), string(s.JSON()))
			}
			again, err := sdjwt.ParseJSON(s.JSON())
			require.NoError(t, err)
			assert.True(t, bytes.Equal(s.JSON(), again.JSON()))
		})
	}
}

// The disclosures of sections 4.2 and 6 come without a signature; their digests show the right content in the right place.
func TestRFC9901Digests(t *testing.T) {
	unsigned := func(payload string) string { return encode(`{"alg":"none"}`) + "." + encode(payload) + "." }
	address := []string{
		encode(`["2GLC42sKQveCfGfryNRN9w", "street_address", "Schulstr. 12"]`),
		encode(`["eluV5Og3gSNII8EYnsxA_A", "locality", "Schulpforta"]`),
		encode(`["6Ij7tM-a5iVPGboS5tmvVA", "region", "Sachsen-Anhalt"]`),
		encode(`["eI8ZWm9QnKPpNPeNenHdhQ", "country", "DE"]`),
	}
	const digests = `{"_sd": ["6vh9bq-zS4GKM_7GpggVbYzzu6oOGXrmNVGPHP75Ud0", "9gjVuXtdFROCgRrtNcGUXmF65rdezi_6Er_j76kmYyM",` +
		` "KURDPh4ZC19-3tiz-Df39V8eidy1oV3a3H1Da2N0g88", "WN9r9dCBJ8HTCsS2jKASxTjEyW5m5x65_Z_2ro2jfXM"]}`
	nationalities := []string{
		encode(`["16_mAd0GiwaZokU26_0i0h","DE"]`), encode(`["fn9fN0rD-fFs2n303ZI-0c","FR"]`), encode(`["YIKesqOkXXNzMQtsX_-_lw","UK"]`),
	}
	for _, example := range []struct {
		name, payload string
		disclosures   []string
		paths         []string
	}{
		{"4.2.3", `{"given_name": "Alice", "_sd": ["X9yH0Ajrdm1Oij4tWso9UzzKJvPoDxwmuEcO3XAdRC0"]}`,
			[]string{"WyJfMjZiYzRMVC1hYzZxMktJNmNCVzVlcyIsICJmYW1pbHlfbmFtZSIsICJNw7ZiaXVzIl0"}, []string{"/family_name"}},
		{"4.2.4.2", `{"nationalities": ["DE", {"...":"w0I8EKcdCtUPkGCNUrfwVp2xEgNjtoIDlOxc9-PlOhs"}, "US"]}`,
			[]string{"WyJsa2x4RjVqTVlsR1RQVW92TU5JdkNBIiwgIkZSIl0"}, []string{"/nationalities/1"}},
		{"4.2.6 elements", `{"nationalities": [{"...": "PmnlrRjhLcwf8zTDdK15HVGwHtPYjddvD362WjBLwro"},
			{"...": "r823HFN6Ba_lpSANYtXqqCBAH-TsQlIzfOK0lRAFLCM"}, {"...": "nP5GYjwhFm6ESlAeC4NCaIliW4tz0hTrUeoJB3lb5TA"}]}`,
			nationalities, []string{"/nationalities/0", "/nationalities/1", "/nationalities/2"}},
		{"6.1", `{"_sd": ["fOBUSQvo46yQO-wRwXBcGqvnbKIueISEL961_Sjd4do"]}`,
			[]string{encode(`["2GLC42sKQveCfGfryNRN9w", "address", {"street_address": "Schulstr. 12", "locality": "Schulpforta",` +
				` "region": "Sachsen-Anhalt", "country": "DE"}]`)}, []string{"/address"}},
		{"6.2", `{"address": ` + digests + `}`, address,
			[]string{"/address/street_address", "/address/locality", "/address/region", "/address/country"}},
		{"6.2 country in the clear", `{"address": {"_sd": ["6vh9bq-zS4GKM_7GpggVbYzzu6oOGXrmNVGPHP75Ud0",
			"9gjVuXtdFROCgRrtNcGUXmF65rdezi_6Er_j76kmYyM", "KURDPh4ZC19-3tiz-Df39V8eidy1oV3a3H1Da2N0g88"], "country": "DE"}}`,
			address[:3], []string{"/address/street_address", "/address/locality", "/address/region"}},
		{"6.3", `{"_sd": ["HvrKX6fPV0v9K_yCVFBiLFHsMaxcD_114Em6VT8x1lg"]}`,
			append(address[:4:4], encode(`["Qg_O64zqAxe412a108iroA", "address", `+digests+`]`)),
			[]string{"/address/street_address", "/address/locality", "/address/region", "/address/country", "/address"}},
	} {
		t.Run(example.name, func(t *testing.T) {
			s, err := sdjwt.Parse(compact(unsigned(example.payload), example.disclosures...))
			require.NoError(t, err)
			disclosures, err := s.Disclosures()
			require.NoError(t, err)
			var paths []string
			for _, d := range disclosures {
				paths = append(paths, d.Path())
			}
			assert.Equal(t, example.paths, paths)
		})
	}
}

// Section 4.2.1: one value has many encodings, and each its own digest.
func TestRFC9901EncodingsOfOneDisclosure(t *testing.T) {
	for _, text := range []string{
		"WyJfMjZiYzRMVC1hYzZxMktJNmNCVzVlcyIsICJmYW1pbHlfbmFtZSIsICJNXHUwMGY2Yml1cyJd",
		"WyJfMjZiYzRMVC1hYzZxMktJNmNCVzVlcyIsImZhbWlseV9uYW1lIiwiTcO2Yml1cyJd",
		"WwoiXzI2YmM0TFQtYWM2cTJLSTZjQlc1ZXMiLAoiZmFtaWx5X25hbWUiLAoiTcO2Yml1cyIKXQ",
	} {
		signer := newKey(t)
		token := sign(t, signer, `{"alg":"EdDSA","typ":"sd-jwt"}`, `{"_sd":["`+digest(text)+`"]}`)
		claims, err := sdjwt.Verify(token+"~"+text+"~", signer.Public(), nil)
		require.NoError(t, err)
		assert.Equal(t, sdjwt.Claims{"family_name": "Möbius"}, claims)
	}
}

func encode(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
