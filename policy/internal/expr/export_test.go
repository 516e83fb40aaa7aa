package expr

import "reflect"

// Fresh compiles a text without the compiler's memory.
func (c *Compiler) Fresh(text string) (*Cond, []Problem) {
	l, ok := lex(text, lexed{})
	b, problems := c.build(text, l.tokens, ok)
	return b.cond, problems
}

// Shapes returns how many shapes and single texts the compiler remembers.
func (c *Compiler) Shapes() (shapes, texts int) { return len(c.shapes), len(c.texts) }

// Same reports whether two conditions are the same but for their places in memory.
func Same(a, b *Cond) bool {
	return a.text == b.text && reflect.DeepEqual(a.code, b.code) && a.shape.quick == b.shape.quick &&
		reflect.DeepEqual(a.shape.rest, b.shape.rest) && reflect.DeepEqual(a.shape.need, b.shape.need) &&
		reflect.DeepEqual(a.shape.kids, b.shape.kids) && reflect.DeepEqual(a.shape.conjuncts, b.shape.conjuncts) &&
		reflect.DeepEqual(a.shape.reads, b.shape.reads) && a.shape.tainted == b.shape.tainted && a.shape.utc == b.shape.utc &&
		a.shape.cost == b.shape.cost && a.shape.shared == b.shape.shared && reflect.DeepEqual(a.shape.binds, b.shape.binds) &&
		len(a.shape.programs) == len(b.shape.programs) && len(a.shape.regexps) == len(b.shape.regexps)
}

// PlainCEL returns what evaluates the condition by cel-go without the rule on NaN.
func (c *Cond) PlainCEL() func(f *Frame) Truth {
	front := c.shape.compiler.front
	checked, _ := front.check(c.text)
	program, err := front.env.PlanProgram(checked)
	if err != nil {
		panic(err)
	}
	return func(f *Frame) Truth { return run(program, f) }
}

// Parts returns how many operands of && the compiler remembers.
func (c *Compiler) Parts() int { return len(c.parts) }
