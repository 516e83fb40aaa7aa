package expr

import (
	"fmt"
	"sync"
	"unicode/utf8"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/parser"
)

// maxCached bounds how many shapes a compiler keeps, and how many texts that have none.
const maxCached = 8192

// Language is how much of CEL a compiler takes.
type Language uint8

// The languages. Only the first one is for texts of strangers: the others are without bounds, and there to be held against
// CEL's own suite of tests.
const (
	Documents  Language = iota // what rule documents may say, within the bounds of [Compiler.Compile]
	CEL                        // whatever type-checks
	UntypedCEL                 // whatever parses
)

// Options of a [Compiler].
type Options struct {
	Language   Language        // default Documents
	Extensions []cel.EnvOption // more functions than CEL's own, for the other languages; default none

	CELOnly bool // evaluate all conditions by cel-go, and none by instructions; default false
}

// Compiler compiles conditions for one table. It keeps the compiled shapes, so that conditions which differ in their
// literals alone are parsed and checked once. It is safe for concurrent use.
type Compiler struct {
	*front
	celOnly bool

	mu     sync.RWMutex
	shapes map[string]*Cond // by the text with its literals taken out
	texts  map[string]*Cond // by the text, where the literals cannot be

	wordsMu sync.RWMutex
	words   map[string]string // see Intern
}

// NewCompiler returns a compiler for the attributes of a table. It costs some milliseconds: keep it. It returns an error
// only for names that the language cannot spell.
func NewCompiler(t *Table, opts *Options) (*Compiler, error) {
	if opts == nil {
		opts = &Options{}
	}
	f, err := newFront(t, opts.Language, opts.Extensions)
	if err != nil {
		return nil, err
	}
	return &Compiler{front: f, celOnly: opts.CELOnly, shapes: map[string]*Cond{}, texts: map[string]*Cond{}}, nil
}

// Table returns the table the compiler was made for.
func (c *Compiler) Table() *Table { return c.table }

// Compile returns the condition of a text, or all faults that were found, at most ten.
//
// A text has at most 4096 characters, 1000 nodes, depth 40 and loops nested twice; a pattern at most 256 bytes and 1000
// instructions. The worst case, for a frame within [MaxStringBytes], [MaxListItems] and [MaxItemBytes], is estimated and
// refused above 1,000,000 steps. Durations, timestamps and patterns are read here.
//
// It costs about two microseconds where the compiler has seen a text that differs in its literals alone (texts of at most 64
// bytes, numbers, durations and timestamps), and about 0.15 ms otherwise.
func (c *Compiler) Compile(text string) (*Cond, []Problem) {
	if c.language == Documents && (len(text) > utf8.UTFMax*maxChars || utf8.RuneCountInString(text) > maxChars) {
		return nil, []Problem{{1, 0, fmt.Sprintf("has more than %d characters", maxChars)}}
	}
	key, tokens, ok := lex(text)
	c.mu.RLock()
	like := c.texts[text]
	if like == nil && ok {
		like = c.shapes[string(key)]
	}
	c.mu.RUnlock()
	if like != nil && like.text == text {
		return like, nil
	}
	if like != nil {
		for i := range tokens {
			tokens[i].text = c.Intern(tokens[i].text)
		}
		if cond := like.with(text, tokens); cond != nil {
			return cond, nil
		}
	}
	cond, problems := c.build(text, tokens, ok)
	if problems != nil {
		return nil, problems
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if cond.shape.shared {
		keep(c.shapes, string(key), cond)
	} else {
		keep(c.texts, text, cond)
	}
	return cond, nil
}

func keep(m map[string]*Cond, key string, cond *Cond) {
	if len(m) >= maxCached {
		clear(m)
	}
	m[key] = cond
}

// build compiles a text from scratch. Only a text that was lexed can have a shape.
func (c *Compiler) build(text string, tokens []token, lexed bool) (*Cond, []Problem) {
	checked, problems := c.check(text)
	if problems != nil {
		return nil, problems
	}
	shape, own, binds, err := c.lower(checked)
	if err != nil {
		return nil, []Problem{{1, 0, err.Error()}}
	}
	cond := &Cond{text: text, shape: shape, code: own}
	if lexed && share(checked, cond, tokens, binds) {
		if shape.cost, shape.shared = c.widest(checked, binds); shape.shared {
			shape.binds = binds
			return cond, nil
		}
		checked, _ = c.check(text) // since it was changed
	}
	if shape.cost, problems = c.estimate(checked); problems != nil {
		return nil, problems
	}
	if shape.cost > maxCost && c.language == Documents {
		return nil, []Problem{{1, 0, fmt.Sprintf("may cost %d steps, at most %d", shape.cost, maxCost)}}
	}
	return cond, nil
}

// program returns the whole of a text that compiles as a program of cel-go.
func (c *Compiler) program(text string) (cel.Program, bool) {
	checked, problems := c.check(text)
	if problems != nil {
		return nil, false
	}
	p, err := c.plan(checked, checked.Expr())
	return p, err == nil
}

// conjunctTexts returns the words of the top-level conjuncts of a text that compiles.
func (c *Compiler) conjunctTexts(text string) ([]string, error) {
	parsed, problems := c.parse(text)
	if problems != nil {
		return nil, fmt.Errorf("expr: %s", problems[0].Text)
	}
	var texts []string
	for _, e := range conjunctsOf(parsed.Expr(), nil) {
		one, err := parser.Unparse(e, parsed.SourceInfo())
		if err != nil {
			return nil, err
		}
		texts = append(texts, one)
	}
	return texts, nil
}
