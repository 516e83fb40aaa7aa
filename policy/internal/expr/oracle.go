package expr

import (
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// Values that cel-go gets for slots without a value. Their node ids are not zero, so that cel-go does not label them: they
// are shared by all goroutines.
var (
	errAbsent     = types.NewErrWithNodeID(1, "absent")
	withheldValue = types.NewUnknown(1, types.NewAttributeTrail("withheld"))
)

// activation lets a program read a frame.
type activation struct{ *Frame }

// ResolveName implements cel.Activation.
func (a activation) ResolveName(name string) (any, bool) {
	attr, asked := strings.CutPrefix(name, presence)
	s, ok := a.table.Lookup(attr)
	switch {
	case !ok:
		return nil, false
	case a.Withheld(s):
		return withheldValue, true
	case asked:
		return types.Bool(a.Has(s)), true
	case !a.Has(s):
		return errAbsent, true
	}
	return a.value(s), true
}

// Parent implements cel.Activation.
func (a activation) Parent() cel.Activation { return nil }

// value adapts the value of a slot that is there.
func (a activation) value(s Slot) ref.Val {
	r := &a.table.rows[s]
	switch r.Kind {
	case String:
		return types.String(a.strs[r.at])
	case Strings:
		return types.NewStringList(types.DefaultTypeAdapter, a.lists[r.at])
	case Int:
		return types.Int(a.nums[r.at])
	case Duration:
		d, _ := a.Duration(s)
		return types.Duration{Duration: d}
	case Time:
		return types.Timestamp{Time: a.times[r.at].time()}
	case Bool:
		return types.Bool(a.nums[r.at] != 0)
	}
	return types.Double(a.dbls[r.at])
}

// run evaluates a program over a frame.
func run(p cel.Program, f *Frame) Truth {
	out, _, err := p.Eval(activation{f})
	switch {
	case err != nil:
		return Error
	case types.IsUnknown(out):
		return Unknown
	case out == types.True:
		return True
	case out == types.False:
		return False
	}
	return Error
}
