package expr

import (
	"math"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/interpreter"
)

// CEL computes with NaN as IEEE 754 does: whatever is compared with it is false, and so would be a forbid that was to stop
// it. In [Documents] an operator or conversion that has no number for a result is an error, as 0/0 is of whole numbers. This
// is all in which their conditions differ from CEL; the instructions do it in orNaN, and programs of cel-go by the decorator
// below.

// orNaN returns the result of an operator on doubles, Error if it is none.
func (m *machine) orNaN(d float64) (float64, Truth) {
	if math.IsNaN(d) && m.s.compiler.language == Documents {
		return 0, Error
	}
	return d, True
}

// errNaN is the error of a call without a number for a result.
var errNaN = types.NewErrWithNodeID(1, "not a number")

// refuseNaN makes the calls of a program of a document that result in NaN errors.
func (f *front) refuseNaN() []cel.ProgramOption {
	if f.language != Documents {
		return nil
	}
	return []cel.ProgramOption{cel.CustomDecoratorV2(func(i interpreter.InterpretableV2) (interpreter.InterpretableV2, error) {
		if _, ok := i.(interpreter.InterpretableCall); ok {
			return numberCall{i}, nil
		}
		return i, nil
	})}
}

// numberCall is a call whose result is not NaN.
type numberCall struct{ interpreter.InterpretableV2 }

// Eval implements interpreter.Interpretable.
func (c numberCall) Eval(a interpreter.Activation) ref.Val {
	return orErrNaN(c.InterpretableV2.Eval(a))
}

// Exec implements interpreter.InterpretableV2.
func (c numberCall) Exec(f *interpreter.ExecutionFrame) ref.Val {
	return orErrNaN(c.InterpretableV2.Exec(f))
}

func orErrNaN(v ref.Val) ref.Val {
	if d, ok := v.(types.Double); ok && math.IsNaN(float64(d)) {
		return errNaN
	}
	return v
}
