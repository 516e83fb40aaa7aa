package expr

import (
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
)

// maxShared is the length in bytes up to which text literals are exchanged. The cost of a shape is estimated with all of
// them that long.
const maxShared = 64

// token is a literal of a text that can be exchanged for another of its kind.
type token struct {
	kind  byte // 's', 'i' or 'd'
	at    int  // in characters
	minus int  // where the minus sign before it is, or -1
	text  string
	num   int64
	dbl   float64
}

// how says where a literal goes.
type how uint8

const (
	bindText     how = iota // the text of an instruction
	bindNumber              // the number of an instruction
	bindDouble              // the same, as bits
	bindDuration            // the same, read from a text
	bindInstant             // the instant an instruction names, read from a text
	bindListText            // an item of a list
	bindListNumber
	bindListDuration
)

// bind is where one literal goes.
type bind struct {
	token      int32
	ins        int32
	list, item int32
	how        how
	neg        bool
	sort       bool
}

// lexed is a text taken apart.
type lexed struct {
	key    []byte // the text with single spaces and without its exchangeable literals
	tokens []token
	cuts   []cut // where the operands of the text's own && begin, if that is what it is
	bars   []cut // the same of ||

	wrapped bool // all of the text is in one pair of brackets
}

// cut is a place in a lexed text.
type cut struct{ text, key, token int }

// lex takes the exchangeable literals out of a text. It is not ok where anything is unusual; such texts are compiled one
// by one. A pattern and a zone stay in the key, since they are looked up once. The result is in the room's lists.
func lex(text string, room lexed) (l lexed, ok bool) {
	x := lexer{text: text, minus: -1}
	x.key, x.tokens, x.cuts, x.bars = room.key[:0], room.tokens[:0], append(room.cuts[:0], cut{}), append(room.bars[:0], cut{})
	for x.pos < len(text) {
		if !x.next() {
			return x.lexed, false
		}
	}
	if x.depth != 0 || x.loose {
		x.cuts, x.bars = x.cuts[:1], x.bars[:1]
	}
	if len(x.bars) > 1 {
		x.cuts = x.cuts[:1]
	}
	x.wrapped = x.closed > 0 && x.closed == len(x.key)
	return x.lexed, true
}

type lexer struct {
	lexed
	text   string
	pos    int  // in bytes
	wide   int  // how many more bytes than characters lie before pos
	minus  int  // where the last sign was, if it was a minus, in characters
	kept   int  // 1 after a word whose argument stays in the key, 2 after its bracket
	depth  int  // of brackets
	loose  bool // something binds less than || outside of all brackets, or closes a bracket that was not opened
	closed int  // where the key is when the bracket at its beginning is closed
}

func (l *lexer) next() bool {
	c := l.text[l.pos]
	switch {
	case c == ' ' || c == '\t' || c == '\n' || c == '\r':
		if n := len(l.key); n > 0 && l.key[n-1] != ' ' {
			l.key = append(l.key, ' ')
		}
		l.pos++
		return true
	case c == '"' || c == '\'':
		return l.string(c)
	case c >= '0' && c <= '9':
		return l.number()
	case isWord(c):
		return l.word()
	case c < ' ' || c >= utf8.RuneSelf || c == '`':
		return false
	case c == '/' && strings.HasPrefix(l.text[l.pos:], "//"):
		return false
	case c == '.' && l.pos+1 < len(l.text) && isDigit(l.text[l.pos+1]):
		return false
	}
	l.sign(c)
	return true
}

// sign takes a character that is no part of a word or a literal.
func (l *lexer) sign(c byte) {
	l.minus = -1
	switch c {
	case '-':
		l.minus = l.pos - l.wide
	case '(', '[', '{':
		l.depth++
	case ')', ']', '}':
		l.depth--
		l.loose = l.loose || l.depth < 0
		if l.depth == 0 && l.closed == 0 && l.key[0] == '(' {
			l.closed = len(l.key) + 1
		}
	case '?', ':':
		l.loose = l.loose || l.depth == 0
	}
	if l.kept == 1 && c == '(' {
		l.kept = 2
	} else {
		l.kept = 0
	}
	l.key = append(l.key, c)
	l.pos++
	if l.depth == 0 && (c == '&' || c == '|') && l.pos < len(l.text) && l.text[l.pos] == c {
		l.connective(c)
	}
}

// connective takes the second half of a && or || outside of all brackets.
func (l *lexer) connective(c byte) {
	l.key = append(l.key, c)
	l.pos++
	at := cut{l.pos, len(l.key), len(l.tokens)}
	if c == '&' {
		l.cuts = append(l.cuts, at)
	} else {
		l.bars = append(l.bars, at)
	}
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isWord(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || isDigit(c)
}

func (l *lexer) word() bool {
	start := l.pos
	for l.pos < len(l.text) && isWord(l.text[l.pos]) {
		l.pos++
	}
	if l.pos < len(l.text) && (l.text[l.pos] == '"' || l.text[l.pos] == '\'') {
		return false // raw strings and bytes
	}
	word := l.text[start:l.pos]
	l.key = append(l.key, word...)
	l.minus, l.kept = -1, 0
	if word == "matches" || strings.HasPrefix(word, "get") {
		l.kept = 1
	}
	return true
}

func (l *lexer) put(t token, start int) {
	t.at, t.minus = start-l.wide, l.minus
	l.tokens = append(l.tokens, t)
	l.key = append(l.key, 1, t.kind)
	l.minus, l.kept = -1, 0
}

func (l *lexer) number() bool {
	start, dbl := l.pos, false
	digits := func() {
		for l.pos < len(l.text) && isDigit(l.text[l.pos]) {
			l.pos++
		}
	}
	digits()
	if l.pos+1 < len(l.text) && l.text[l.pos] == '.' && isDigit(l.text[l.pos+1]) {
		dbl = true
		l.pos++
		digits()
	}
	if l.pos < len(l.text) && (isWord(l.text[l.pos]) || l.text[l.pos] == '.') {
		return false // exponents, suffixes, hexadecimals, methods of numbers
	}
	spelled := l.text[start:l.pos]
	if len(spelled) > 1 && spelled[0] == '0' && spelled[1] != '.' {
		return false
	}
	t := token{kind: 'i'}
	var err error
	if dbl {
		t.kind = 'd'
		t.dbl, err = strconv.ParseFloat(spelled, 64)
	} else {
		t.num, err = strconv.ParseInt(spelled, 10, 64)
	}
	l.put(t, start)
	return err == nil
}

func (l *lexer) string(quote byte) bool {
	start := l.pos
	var escaped []byte
	end := start + 1
	for ; end < len(l.text) && l.text[end] != quote; end++ {
		c := l.text[end]
		if c == '\n' || c == '\r' {
			return false
		}
		if c != '\\' {
			if escaped != nil {
				escaped = append(escaped, c)
			}
			continue
		}
		if escaped == nil {
			escaped = append(make([]byte, 0, 64), l.text[start+1:end]...)
		}
		end++
		if end == len(l.text) {
			return false
		}
		at := strings.IndexByte(`\"'nrt`, l.text[end])
		if at < 0 {
			return false
		}
		escaped = append(escaped, "\\\"'\n\r\t"[at])
	}
	if end >= len(l.text) || end+1 < len(l.text) && (l.text[end+1] == '"' || l.text[end+1] == '\'') {
		return false // open, or three quotes
	}
	spelled := l.text[start : end+1]
	if !utf8.ValidString(spelled) {
		return false
	}
	value := spelled[1 : len(spelled)-1]
	if escaped != nil {
		value = string(escaped)
	}
	l.pos = end + 1
	if l.kept == 2 {
		l.key = append(l.key, spelled...)
		l.minus, l.kept = -1, 0
	} else {
		l.put(token{kind: 's', text: value}, start)
	}
	l.wide += len(spelled) - utf8.RuneCountInString(spelled)
	return true
}

// share finds out whether other literals may take the places of a condition's own, and notes which goes where.
func share(checked *ast.AST, cond *Cond, tokens []token, binds []bind, literals []int64) bool {
	if len(binds) != len(tokens) {
		return false // a literal is used otherwise
	}
	place, signs := make(map[int]int32, len(tokens)), make(map[int]int32)
	for i, t := range tokens {
		place[t.at] = int32(i)
		if t.minus >= 0 {
			signs[t.minus] = int32(i)
		}
	}
	used := make([]bool, len(tokens))
	for k := range binds {
		b := &binds[k]
		r, found := checked.SourceInfo().GetOffsetRange(literals[k])
		if !found {
			return false
		}
		if b.token, found = place[int(r.Start)]; !found {
			b.token, b.neg = signs[int(r.Start)]
			found = b.neg
		}
		if !found || used[b.token] {
			return false
		}
		used[b.token] = true
	}
	own, ok := cond.bound(binds, tokens)
	return ok && reflect.DeepEqual(own, cond.code)
}

// widest estimates the cost with the text literals as long as they may be. It changes the expression.
func (c *Compiler) widest(checked *ast.AST, binds []bind, literals []int64) (cost uint64, ok bool) {
	texts := make(map[int64]bool)
	for k, b := range binds {
		texts[literals[k]] = b.how == bindText || b.how == bindListText
	}
	long := types.String(strings.Repeat("x", maxShared))
	fac := ast.NewExprFactory()
	ast.PreOrderVisit(checked.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() == ast.LiteralKind && texts[e.ID()] {
			e.SetKindCase(fac.NewLiteral(e.ID(), long))
		}
	}))
	cost, problems := c.estimate(checked)
	return cost, problems == nil && cost <= maxCost
}

// with returns the condition of a text that differs from c's in its literals, or nil if these do not fit.
func (c *Cond) with(text string, tokens []token) *Cond {
	if !c.shape.shared || len(tokens) != len(c.shape.binds) {
		return nil
	}
	own, ok := c.bound(c.shape.binds, tokens)
	if !ok {
		return nil
	}
	return &Cond{text: text, shape: c.shape, code: own}
}

// bound returns c's code with other literals.
func (c *Cond) bound(binds []bind, tokens []token) (own code, ok bool) {
	own = code{ins: slices.Clone(c.ins), instants: slices.Clone(c.instants), lists: slices.Clone(c.lists), numbers: slices.Clone(c.numbers)}
	for i := range own.lists {
		own.lists[i] = slices.Clone(own.lists[i])
	}
	for i := range own.numbers {
		own.numbers[i] = slices.Clone(own.numbers[i])
	}
	return own, own.bindAll(binds, tokens)
}

// bindAll puts literals in their places, as far as they fit.
func (o *code) bindAll(binds []bind, tokens []token) bool {
	for _, b := range binds {
		if !o.bind(b, &tokens[b.token]) {
			return false
		}
	}
	for _, b := range binds {
		if b.sort && b.item == 0 {
			slices.Sort(o.lists[b.list])
		}
	}
	return true
}

// bind puts one literal in its place. It returns false for literals that do not fit; the text is then compiled by itself,
// and gets its errors from there.
func (o *code) bind(b bind, t *token) bool {
	n, ok := t.num, true
	switch b.how {
	case bindText, bindListText:
		ok = t.kind == 's' && len(t.text) <= maxShared
	case bindDuration, bindListDuration:
		n, ok = parseDuration(t.text)
	case bindInstant:
		o.instants[o.ins[b.ins].num], ok = parseInstant(t.text)
		return ok
	}
	if b.neg {
		n = -n
	}
	switch b.how {
	case bindText:
		o.ins[b.ins].str = t.text
	case bindListText:
		o.lists[b.list][b.item] = t.text
	case bindNumber, bindDuration:
		o.ins[b.ins].num = n
	case bindListNumber, bindListDuration:
		o.numbers[b.list][b.item] = n
	case bindDouble:
		d := t.dbl
		if b.neg {
			d = -d
		}
		o.ins[b.ins].num = int64(math.Float64bits(d))
	}
	return ok
}
