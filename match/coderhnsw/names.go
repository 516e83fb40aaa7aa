package coderhnsw

import (
	"io"
	"math"
	"reflect"
	"strconv"

	"github.com/deeperpoint/csss/match/hnsw"
)

// A SavedKey is a type of keys that coder/hnsw can write. Floats are left out,
// and so is, at run time, a type that writes itself.
type SavedKey interface {
	int | string | ~int8 | ~int16 | ~int32 | ~int64 | ~uint8 | ~uint16 | ~uint32 | ~uint64
}

// A keyForm is how keys of a type are written: an int as a varint, a string
// after its length, all others as they are, lowest byte first.
type keyForm struct {
	width  int // in bytes, or one of those below
	signed bool
}

const (
	varintKeys = 0
	textKeys   = -1
)

// formOf returns how keys of type F are written, unless K cannot hold them.
func formOf[F SavedKey, K hnsw.Key]() (keyForm, error) {
	from, to := reflect.TypeFor[F](), reflect.TypeFor[K]()
	var f F
	_, writes := any(f).(io.WriterTo)
	_, reads := any(&f).(io.ReaderFrom)
	if writes || reads {
		return keyForm{}, &ImportError{"key", 0, from.String() + " writes or reads itself", ErrKey}
	}
	switch kind := from.Kind(); {
	case kind == reflect.String && to.Kind() != reflect.String:
		return keyForm{}, &ImportError{"key", 0, "strings as keys of type " + to.String(), ErrKey}
	case kind == reflect.String:
		return keyForm{width: textKeys}, nil
	case kind == reflect.Int:
		return keyForm{width: varintKeys, signed: true}, nil
	default:
		return keyForm{width: int(from.Size()), signed: kind <= reflect.Int64}, nil
	}
}

// A key is one that was read, in the form of its type.
type key struct {
	number uint64 // if signed, as an int64
	text   []byte // until the next is read
}

// names give each key a number, in the order in which the file names them.
type names struct {
	form    keyForm
	numbers map[uint64]uint32 // nil if keys are strings
	texts   map[string]uint32 // nil if they are not
	list    []name            // what is known of each
	values  []uint64          // each as a number
	words   []string          // each as a string
}

// A name is what is known of a key.
type name struct {
	row     uint32
	layer   uint32 // the last on which it was, counted from 1
	named   uint32 // the last on which an edge led to it before it came
	namedAt int64  // where that edge is
}

func newNames(form keyForm) names {
	n := names{form: form}
	if form.width == textKeys {
		n.texts = map[string]uint32{}
	} else {
		n.numbers = map[uint64]uint32{}
	}
	return n
}

func (n *names) find(k key) (id uint32, known bool) {
	if n.texts != nil {
		id, known = n.texts[string(k.text)]
	} else {
		id, known = n.numbers[k.number]
	}
	return id, known
}

// add takes in a key that is not known. There are at most twice as many as rows.
func (n *names) add(k key) (id uint32) {
	id = uint32(len(n.list))
	n.list = append(n.list, name{})
	if n.texts == nil {
		n.values = append(n.values, k.number)
		n.numbers[k.number] = id
		return id
	}
	text := string(k.text)
	n.words = append(n.words, text)
	n.texts[text] = id
	return id
}

// firstAbsent returns where the first edge is that leads to a key which the layer
// does not have.
func (n *names) firstAbsent(layer uint32) int64 {
	first := int64(math.MaxInt64)
	for _, k := range n.list {
		if k.named == layer && k.layer != layer {
			first = min(first, k.namedAt)
		}
	}
	return first
}

// keyOf returns a key as one of type K, or false if that has none like it.
func keyOf[K hnsw.Key](n *names, id uint32) (k K, ok bool) {
	to := reflect.ValueOf(&k).Elem()
	if n.texts != nil {
		to.SetString(n.words[id])
		return k, true
	}
	v := n.values[id]
	negative := n.form.signed && int64(v) < 0
	switch {
	case to.Kind() == reflect.String && negative:
		to.SetString(strconv.FormatInt(int64(v), 10))
	case to.Kind() == reflect.String:
		to.SetString(strconv.FormatUint(v, 10))
	case negative || to.OverflowUint(v):
		return k, false
	default:
		to.SetUint(v)
	}
	return k, true
}
