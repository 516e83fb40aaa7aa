package policy

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"slices"
	"strings"
	"time"
)

// Bounds of a payload.
const (
	maxPayloadBytes = 1 << 20
	maxPayloadItems = 1 << 16 // of one list or map
)

// payloadDomain begins every payload, and so what its digest is taken of.
const payloadDomain = "csss.policy/request/v1\n"

// ErrPayload: the bytes are not a payload in its one form, or a request is too large for one (1 MiB).
var ErrPayload = errors.New("policy: malformed or oversized payload")

// Payload is the content of one logged request: everything [Set.Explain] read, the answers of [Usage] included, or what a
// filter fixed and left open, and 32 random bytes. The log holds only its digest, which is a commitment: without the
// payload it says nothing about the request, and once a payload is erased nobody can tell what it was.
//
// It holds private bounds and people: printing and marshalling yield "sealed". A Payload is immutable and safe for
// concurrent use.
type Payload struct{ data []byte }

// Bytes returns a copy of the payload's content, for the host to store encrypted.
func (p Payload) Bytes() []byte { return bytes.Clone(p.data) }

// Digest is SHA-256 of the content: [Record.Request].
func (p Payload) Digest() [32]byte { return sha256.Sum256(p.data) }

// Format implements [fmt.Formatter] and prints no content.
func (p Payload) Format(s fmt.State, _ rune) { io.WriteString(s, "sealed payload") }

// MarshalJSON returns the word "sealed", never the content.
func (p Payload) MarshalJSON() ([]byte, error) { return []byte(`"sealed"`), nil }

// ParsePayload reads what [Payload.Bytes] returned: there is one form, and nothing may follow. It copies the bytes.
//
// Errors: [ErrPayload].
func ParsePayload(data []byte) (Payload, error) {
	p := Payload{bytes.Clone(data)}
	if _, err := p.open(); err != nil {
		return Payload{}, err
	}
	return p, nil
}

// Request returns the request with its usage answered as it was. The caller owns it. An empty payload gives nil.
func (p Payload) Request() *Request {
	c, err := p.open()
	if err != nil {
		return nil
	}
	return c.restored()
}

// content is what a payload holds.
type content struct {
	Request Request  `json:"request"`
	Usage   []answer `json:"usage"`
	Open    []string `json:"open"` // of a filter
	Salt    [32]byte `json:"salt"`
}

// answer is one word of [Usage].
type answer struct {
	Quota  string        `json:"quota"`
	Key    []string      `json:"key"`
	Period string        `json:"period"`
	Used   time.Duration `json:"used"`
}

func (a answer) compare(b answer) int {
	return cmp.Or(cmp.Compare(a.Quota, b.Quota), slices.Compare(a.Key, b.Key), cmp.Compare(a.Period, b.Period))
}

func (c *content) seal() (Payload, error) {
	slices.SortFunc(c.Usage, answer.compare)
	e := encoder{data: []byte(payloadDomain)}
	e.value(reflect.ValueOf(c).Elem())
	if e.failed || len(e.data) > maxPayloadBytes {
		return Payload{}, ErrPayload
	}
	return Payload{e.data}, nil
}

func (p Payload) open() (*content, error) {
	body, ok := bytes.CutPrefix(p.data, []byte(payloadDomain))
	if !ok || len(p.data) > maxPayloadBytes {
		return nil, ErrPayload
	}
	c := &content{}
	d := &payloadDecoder{data: body}
	d.value(reflect.ValueOf(c).Elem())
	if d.failed || len(d.data) > 0 {
		return nil, ErrPayload
	}
	again, err := c.seal()
	if err != nil || !bytes.Equal(again.data, p.data) {
		return nil, ErrPayload
	}
	return c, nil
}

func (c *content) restored() *Request {
	r := c.Request
	r.Usage = &recordedUsage{answers: c.Usage}
	return &r
}

// The form: a struct is its non-zero fields by JSON name, in the order of the names, then an empty name. A field that is
// added to a struct later, and is zero, changes no payload. Lists and maps have a count; maps are sorted by key. A time
// is seconds and nanoseconds, since decisions depend on the instant alone.

var (
	timeType  = reflect.TypeFor[time.Time]()
	valueType = reflect.TypeFor[Value]()
)

// fieldsOf lists a struct's fields that have a JSON name, by name.
func fieldsOf(t reflect.Type) []reflect.StructField {
	var list []reflect.StructField
	for f := range t.Fields() {
		if name := wireName(f); name != "" && name != "-" {
			list = append(list, f)
		}
	}
	slices.SortFunc(list, func(a, b reflect.StructField) int { return cmp.Compare(wireName(a), wireName(b)) })
	return list
}

func wireName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}

// absent reports whether a field is left out: nil lists and maps are, empty ones are not, since they mean another thing.
func absent(v reflect.Value) bool {
	if v.Type() == timeType {
		return v.Interface().(time.Time).IsZero()
	}
	return v.IsZero()
}

type encoder struct {
	data   []byte
	failed bool
}

func (e *encoder) count(n int) {
	e.failed = e.failed || n > maxPayloadItems || len(e.data) > maxPayloadBytes
	e.data = binary.AppendUvarint(e.data, uint64(n))
}

func (e *encoder) text(s string) {
	e.data = append(binary.AppendUvarint(e.data, uint64(len(s))), s...)
}

func (e *encoder) value(v reflect.Value) {
	switch {
	case e.failed:
		return
	case v.Type() == timeType:
		e.time(v.Interface().(time.Time))
		return
	case v.Type() == valueType:
		e.attribute(v.Interface().(Value))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for _, f := range fieldsOf(v.Type()) {
			if field := v.FieldByIndex(f.Index); !absent(field) {
				e.text(wireName(f))
				e.value(field)
			}
		}
		e.text("")
	case reflect.String:
		e.text(v.String())
	case reflect.Bool:
		e.data = binary.AppendUvarint(e.data, uint64(Bool(v.Bool()).num))
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		e.data = binary.AppendVarint(e.data, v.Int())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		e.data = binary.AppendUvarint(e.data, v.Uint())
	case reflect.Array: // of bytes
		for i := range v.Len() {
			e.data = append(e.data, byte(v.Index(i).Uint()))
		}
	case reflect.Slice:
		e.count(v.Len())
		for i := range v.Len() {
			e.value(v.Index(i))
		}
	case reflect.Map:
		e.count(v.Len())
		keys := v.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return cmp.Compare(a.String(), b.String()) })
		for _, k := range keys {
			e.text(k.String())
			e.value(v.MapIndex(k))
		}
	default:
		e.failed = true // no field has such a type: see the tests
	}
}

func (e *encoder) time(t time.Time) {
	e.data = binary.AppendVarint(e.data, t.Unix())
	e.data = binary.AppendUvarint(e.data, uint64(t.Nanosecond()))
}

func (e *encoder) attribute(v Value) {
	e.data = append(e.data, byte(v.kind))
	switch v.kind {
	case KindString:
		e.text(v.str)
	case KindStrings:
		e.count(len(v.list))
		for _, s := range v.list {
			e.text(s)
		}
	case KindInt, KindDuration, KindBool:
		e.data = binary.AppendVarint(e.data, v.num)
	case KindTime:
		e.time(v.at)
	case KindDouble:
		e.data = binary.BigEndian.AppendUint64(e.data, math.Float64bits(v.dbl))
	}
}

type payloadDecoder struct {
	data   []byte
	failed bool
}

func (d *payloadDecoder) fail() { d.data, d.failed = nil, true }

func (d *payloadDecoder) uint() uint64 {
	n, size := binary.Uvarint(d.data)
	if size <= 0 {
		d.fail()
		return 0
	}
	d.data = d.data[size:]
	return n
}

func (d *payloadDecoder) int() int64 {
	n, size := binary.Varint(d.data)
	if size <= 0 {
		d.fail()
		return 0
	}
	d.data = d.data[size:]
	return n
}

// count is a number of things, each of which takes a byte at least.
func (d *payloadDecoder) count() int {
	n := d.uint()
	if n > maxPayloadItems || n > uint64(len(d.data)) {
		d.fail()
		return 0
	}
	return int(n)
}

func (d *payloadDecoder) bytes(n uint64) []byte {
	if n > uint64(len(d.data)) {
		d.fail()
		return nil
	}
	b := d.data[:n]
	d.data = d.data[n:]
	return b
}

func (d *payloadDecoder) text() string { return string(d.bytes(d.uint())) }

func (d *payloadDecoder) value(v reflect.Value) {
	switch {
	case d.failed:
		return
	case v.Type() == timeType:
		v.Set(reflect.ValueOf(d.time()))
		return
	case v.Type() == valueType:
		v.Set(reflect.ValueOf(d.attribute()))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		d.fields(v)
	case reflect.String:
		v.SetString(d.text())
	case reflect.Bool:
		v.SetBool(d.uint() != 0)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(d.int())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(d.uint())
	case reflect.Array:
		for i, b := range d.bytes(uint64(v.Len())) {
			v.Index(i).SetUint(uint64(b))
		}
	case reflect.Slice:
		list := reflect.MakeSlice(v.Type(), 0, 0)
		for range d.count() {
			item := reflect.New(v.Type().Elem()).Elem()
			if d.value(item); d.failed {
				return
			}
			list = reflect.Append(list, item)
		}
		v.Set(list)
	case reflect.Map:
		d.entries(v)
	default:
		d.fail()
	}
}

// fields reads a struct. Names in another order, or twice, or of zero fields do not survive the comparison in open.
func (d *payloadDecoder) fields(v reflect.Value) {
	known := fieldsOf(v.Type())
	for name := d.text(); name != "" && !d.failed; name = d.text() {
		at := slices.IndexFunc(known, func(f reflect.StructField) bool { return wireName(f) == name })
		if at < 0 {
			d.fail()
			return
		}
		d.value(v.FieldByIndex(known[at].Index))
	}
}

func (d *payloadDecoder) entries(v reflect.Value) {
	n := d.count()
	m := reflect.MakeMap(v.Type())
	for range n {
		key := reflect.ValueOf(d.text()).Convert(v.Type().Key())
		item := reflect.New(v.Type().Elem()).Elem()
		if d.value(item); d.failed {
			return
		}
		m.SetMapIndex(key, item)
	}
	v.Set(m)
}

func (d *payloadDecoder) time() time.Time {
	seconds, nanos := d.int(), d.uint()
	if nanos >= 1e9 {
		d.fail()
		return time.Time{}
	}
	return time.Unix(seconds, int64(nanos)).UTC()
}

func (d *payloadDecoder) attribute() Value {
	kind := d.bytes(1)
	if len(kind) == 0 {
		return Value{}
	}
	v := Value{kind: Kind(kind[0])}
	switch v.kind {
	case KindNone:
	case KindString:
		v.str = d.text()
	case KindStrings:
		for range d.count() {
			v.list = append(v.list, d.text())
		}
	case KindInt, KindDuration, KindBool:
		v.num = d.int()
	case KindTime:
		v.at = d.time()
	case KindDouble:
		if b := d.bytes(8); len(b) == 8 {
			v.dbl = math.Float64frombits(binary.BigEndian.Uint64(b))
		}
	default:
		d.fail()
	}
	return v
}
