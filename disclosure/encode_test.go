package disclosure

import (
	"encoding/json"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// events draws any event: each field often zero, texts of any bytes.
func anyEvent(t *rapid.T) Event {
	var e Event
	texts := rapid.OneOf(rapid.StringMatching(`[a-z0-9_ ]{0,12}`), rapid.String(), rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 8), func(b []byte) string { return string(b) }))
	var fill func(v reflect.Value)
	fill = func(v reflect.Value) {
		if rapid.Bool().Draw(t, "zero") {
			return
		}
		switch x := v.Addr().Interface().(type) {
		case *time.Time:
			*x = time.Unix(rapid.OneOf(rapid.Int64Range(0, 2e9), rapid.Int64Range(-1e12, 4e11)).Draw(t, "time"), rapid.Int64Range(0, 999_999_999).Draw(t, "ns")).UTC()
			return
		case **Bundle, **Invitation:
			return
		case *json.RawMessage:
			*x = json.RawMessage(rapid.SampledFrom([]string{`{"a" : [1, "<&>\u003c\u2028"]}`, `"\u2028 \ufffd"`, "null", " 1 ", "{}"}).Draw(t, "plan"))
			return
		}
		switch v.Kind() {
		case reflect.String:
			v.SetString(texts.Draw(t, "text"))
		case reflect.Bool:
			v.SetBool(true)
		case reflect.Int, reflect.Int64:
			v.SetInt(rapid.Int64().Draw(t, "int"))
		case reflect.Uint64, reflect.Uint8:
			v.SetUint(uint64(rapid.Uint8().Draw(t, "uint")))
		case reflect.Pointer:
			v.Set(reflect.New(v.Type().Elem()))
			fill(v.Elem())
		case reflect.Slice:
			v.Set(reflect.MakeSlice(v.Type(), rapid.IntRange(0, 3).Draw(t, "len"), 3))
			for i := range v.Len() {
				fill(v.Index(i))
			}
		case reflect.Array:
			for i := range v.Len() {
				fill(v.Index(i))
			}
		case reflect.Struct:
			for i := range v.NumField() {
				if v.Type().Field(i).IsExported() && v.Type().Field(i).Name != "Erased" {
					fill(v.Field(i))
				}
			}
		default:
			t.Fatal(v.Type())
		}
	}
	fill(reflect.ValueOf(&e).Elem())
	return e
}

func TestEncodingIsJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := anyEvent(t)
		want, wantErr := json.Marshal(e)
		got, err := (&e).encode()
		if e.Type.Sealed() {
			return // padded, see TestSealedSize
		}
		require.Equal(t, wantErr == nil, err == nil)
		require.Equal(t, string(want), string(got))
	})
}

// TestEveryFieldIsEncoded fails when a field of an event is forgotten.
func TestEveryFieldIsEncoded(t *testing.T) {
	var walk func(path string, v func(*Event) reflect.Value)
	walk = func(path string, field func(*Event) reflect.Value) {
		var e Event
		v := field(&e)
		switch {
		case v.Type() == reflect.TypeFor[time.Time]():
			v.Set(reflect.ValueOf(time.Unix(1, 2).UTC()))
		case v.Kind() == reflect.Struct:
			for i := range v.NumField() {
				walk(path+"."+v.Type().Field(i).Name, func(e *Event) reflect.Value { return field(e).Field(i) })
			}
			return
		case v.Kind() == reflect.Array && v.Type() != reflect.TypeFor[Digest]():
			v.Index(1).Set(nonzero(v.Type().Elem()))
		default:
			v.Set(nonzero(v.Type()))
		}
		want, err := json.Marshal(e)
		require.NoError(t, err)
		got, err := (&e).encode()
		require.NoError(t, err)
		assert.Equal(t, string(want), string(got), path)
	}
	typ := reflect.TypeFor[Event]()
	for i := range typ.NumField() {
		if f := typ.Field(i); f.IsExported() && f.Tag.Get("json") != "-" {
			walk(f.Name, func(e *Event) reflect.Value { return reflect.ValueOf(e).Elem().Field(i) })
		}
	}
}

func nonzero(t reflect.Type) reflect.Value {
	v := reflect.New(t).Elem()
	switch t.Kind() {
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(7)
	case reflect.Uint64, reflect.Uint8:
		v.SetUint(1)
	case reflect.Pointer:
		v.Set(reflect.New(t.Elem()))
	case reflect.Slice:
		v.Set(reflect.Append(v, nonzero(t.Elem())))
	case reflect.Array:
		v.Index(0).Set(nonzero(t.Elem()))
	default:
		panic(fmt.Sprint("no value of ", t))
	}
	return v
}

// TestReadBackIsDecoding: what is folded while writing is what a replay folds.
func TestReadBackIsDecoding(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := anyEvent(t)
		if e.Proposal != nil {
			e.Type, e.V = SessionProposed, versions[SessionProposed]
		}
		data, err := (&e).encode()
		if err != nil {
			return
		}
		r := Record{Type: string(e.Type), Data: data}
		want, wantErr := DecodeEvent(r)
		got, err := (&e).readBack(r)
		if string(e.Type) == r.Type && wantErr != nil {
			return // of a type or text that no command makes: see faithful
		}
		require.NoError(t, err)
		require.Equal(t, want, got)
	})
}

// TestProposalsAreReadBack: the short way knows what JSON does to a plan
// and to texts. The instants are as [Open] leaves them, in UTC.
func TestProposalsAreReadBack(t *testing.T) {
	for _, plan := range []string{"", "null", " {\"a\" : [1, 2.50, \"<&>\u2028\"]} ", `"\u003c\ufffd"`, "\"\xff\""} {
		for _, offer := range []string{"o1", "o<1>", "o\xff"} {
			p := Proposal{ID: "p", Session: "s", Offer: offer, Plan: json.RawMessage(plan), At: time.Unix(1, 2).UTC(), End: time.Unix(3, 4).UTC(),
				Parties: [2]Party{{Firm: "f", Person: true}, {Actor: "ben"}}, Terms: Digest{1}, Grace: time.Hour, Flips: 3}
			e := Event{Type: SessionProposed, V: versions[SessionProposed], Machine: MachineVersion(), At: p.At, Proposal: &p}
			data, err := e.Encode()
			require.NoError(t, err)
			want, err := DecodeEvent(Record{Type: string(e.Type), Data: data})
			require.NoError(t, err)
			got, err := e.readBack(Record{Type: string(e.Type), Data: data})
			require.NoError(t, err)
			assert.True(t, reflect.DeepEqual(want, got), "%q %q: %q", plan, offer, got.Proposal.Plan)
		}
	}
}
