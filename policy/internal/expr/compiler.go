package expr

import (
	"fmt"
	"sync"
	"unicode/utf8"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
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
	parts  map[string]*part // operands of && and ||, by their text as in shapes; nil: cannot be joined

	zones zones // that conditions name

	lexed sync.Pool // of *lexed, for the next text

	wordsMu sync.RWMutex
	words   map[string]string     // see Intern
	lists   map[string][][]string // see sharedLists
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
	return &Compiler{front: f, celOnly: opts.CELOnly, shapes: map[string]*Cond{}, texts: map[string]*Cond{}, parts: map[string]*part{},
		lexed: sync.Pool{New: func() any { return new(lexed) }}}, nil
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
// bytes, numbers, durations and timestamps), about ten where it has seen all operands of the text's &&, and about 0.15 ms for
// every other operand or text.
func (c *Compiler) Compile(text string) (*Cond, []Problem) {
	if c.language == Documents && (len(text) > utf8.UTFMax*maxChars || utf8.RuneCountInString(text) > maxChars) {
		return nil, []Problem{{1, 0, fmt.Sprintf("has more than %d characters", maxChars)}}
	}
	room := c.lexed.Get().(*lexed)
	defer c.lexed.Put(room)
	l, ok := lex(text, *room)
	*room = l
	c.mu.RLock()
	like := c.texts[text]
	if like == nil && ok {
		like = c.shapes[string(l.key)]
	}
	c.mu.RUnlock()
	if like != nil && like.text == text {
		return like, nil
	}
	if !ok {
		l.tokens = nil
	}
	for i := range l.tokens {
		l.tokens[i].text = c.Intern(l.tokens[i].text)
	}
	var cond *Cond
	if like != nil {
		if cond := like.with(text, l.tokens); cond != nil {
			cond.lists = c.sharedLists(cond.lists)
			return cond, nil
		}
	} else if ok {
		cond = c.join(text, &l)
	}
	if cond == nil {
		built, problems := c.build(text, l.tokens, ok)
		if problems != nil {
			return nil, problems
		}
		cond = built.cond
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if cond.shape.shared {
		keep(c.shapes, string(l.key), cond)
	} else {
		keep(c.texts, text, cond)
	}
	return cond, nil
}

func keep[T any](m map[string]*T, key string, v *T) {
	if len(m) >= maxCached {
		clear(m)
	}
	m[key] = v
}

// built is a condition and what it takes to join it with others.
type built struct {
	cond  *Cond
	first mark // how far its leaves reach
	nodes int  // at least as many as the parser counts
}

// build compiles a text from scratch. Only a text that was lexed can have a shape.
func (c *Compiler) build(text string, tokens []token, lexed bool) (built, []Problem) {
	checked, problems := c.check(text)
	if problems != nil {
		return built{}, problems
	}
	low, err := c.lower(checked)
	if err != nil {
		return built{}, []Problem{{1, 0, err.Error()}}
	}
	shape := low.shape
	b := built{cond: &Cond{text: text, shape: shape, code: low.code}, first: low.first, nodes: nodesOf(checked)}
	if lexed && share(checked, b.cond, tokens, low.binds, low.literals) {
		if shape.cost, shape.shared = c.widest(checked, low.binds, low.literals); shape.shared {
			shape.binds = low.binds
			return b, nil
		}
		checked, _ = c.check(text) // since it was changed
	}
	if shape.cost, problems = c.estimate(checked); problems != nil {
		return built{}, problems
	}
	if shape.cost > maxCost && c.language == Documents {
		return built{}, []Problem{{1, 0, fmt.Sprintf("may cost %d steps, at most %d", shape.cost, maxCost)}}
	}
	return b, nil
}

// nodesOf bounds the number of nodes that the parser has numbered.
func nodesOf(checked *ast.AST) int {
	last := int64(0)
	for id := range checked.SourceInfo().OffsetRanges() {
		last = max(last, id)
	}
	return int(last)
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
