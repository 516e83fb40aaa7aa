package expr

// Truth is the value of a condition.
type Truth uint8

// The four values. Only the first two are definite.
const (
	False   Truth = iota
	True          //
	Error         // an attribute is absent, or the evaluation failed
	Unknown       // an attribute is withheld
)

var truthNames = [...]string{"false", "true", "error", "unknown"}

// String returns "false", "true", "error" or "unknown".
func (t Truth) String() string { return truthNames[t&3] }

var (
	andTable = [4][4]Truth{
		False:   {False, False, False, False},
		True:    {False, True, Error, Unknown},
		Error:   {False, Error, Error, Unknown},
		Unknown: {False, Unknown, Unknown, Unknown},
	}
	orTable = [4][4]Truth{
		False:   {False, True, Error, Unknown},
		True:    {True, True, True, True},
		Error:   {Error, True, Error, Unknown},
		Unknown: {Unknown, True, Unknown, Unknown},
	}
	notTable = [4]Truth{True, False, Error, Unknown}
)

// And returns a && b.
func And(a, b Truth) Truth { return andTable[a&3][b&3] }

// Or returns a || b.
func Or(a, b Truth) Truth { return orTable[a&3][b&3] }

// Not returns !a.
func Not(a Truth) Truth { return notTable[a&3] }

// If returns a ? b : c. What is not chosen does not matter.
func If(a, b, c Truth) Truth {
	switch a {
	case True:
		return b
	case False:
		return c
	}
	return a
}

// Of returns True or False.
func Of(b bool) Truth {
	if b {
		return True
	}
	return False
}
