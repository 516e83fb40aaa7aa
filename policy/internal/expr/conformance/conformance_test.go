package conformance

import (
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/ext"
	"cel.dev/cel-go/parser"
	exprpb "cel.dev/expr"
	_ "cel.dev/expr/conformance/proto2" // the messages that the suite names
	_ "cel.dev/expr/conformance/proto3"
	testpb "cel.dev/expr/conformance/test"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/prototext"

	"github.com/deeperpoint/csss/policy/internal/expr"
)

// wanted is the number of cases in version 0.25.3 of the suite that need none of its messages.
const wanted = 1943

func TestSuite(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(suite(t), "tests/simple/testdata/*.textproto"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	var c counter
	for _, name := range files {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		var file testpb.SimpleTestFile
		require.NoError(t, prototext.Unmarshal(text, &file), name)
		for _, section := range file.Section {
			for _, one := range section.Test {
				c.total++
				if !plain(one) {
					continue
				}
				c.plain++
				c.run(t, fmt.Sprintf("%s/%s/%s: %s", file.Name, section.Name, one.Name, one.Expr), one)
			}
		}
	}
	t.Logf("%d cases, %d without messages: %d evaluated, %d refused by cel-go and by us; %d of them without cel-go; %d as the suite expects",
		c.total, c.plain, c.evaluated, c.refused, c.whole, c.expected)
	assert.Equal(t, wanted, c.plain)
	assert.Greater(t, c.evaluated, 1700, "too many are refused for a test")
	assert.Greater(t, c.whole, 350)
}

// suite is the folder of the module cel.dev/expr.
func suite(t *testing.T) string {
	t.Helper()
	dir, err := moduleDir("cel.dev/expr")
	require.NoError(t, err)
	return dir
}

// plain reports whether a case needs no message of the suite's own: neither in what is bound or expected, nor in its text.
func plain(one *testpb.SimpleTest) bool {
	text, _ := prototext.Marshal(one)
	if strings.Contains(string(text), "object_value") || strings.Contains(string(text), "message_type") {
		return false
	}
	return one.Container == "" || !makesMessage(one.Expr)
}

// makesMessage reports whether a text that parses makes a message.
func makesMessage(text string) bool {
	p, err := parser.NewParser(parser.Macros(parser.AllMacros...))
	if err != nil {
		return true
	}
	parsed, errs := p.Parse(common.NewTextSource(text))
	if len(errs.GetErrors()) > 0 {
		return false
	}
	found := false
	ast.PreOrderVisit(parsed.Expr(), ast.NewExprVisitor(func(e ast.Expr) { found = found || e.Kind() == ast.StructKind }))
	return found
}

type counter struct {
	total, plain, evaluated, refused, whole, expected int
}

// run holds one case against both evaluators.
func (c *counter) run(t *testing.T, name string, one *testpb.SimpleTest) {
	k := newCase(one)
	text, want, ok := k.reference()
	got, cond := k.ours(t, text)
	require.Equal(t, ok, cond != nil, "%s: cel-go takes it: %t", name, ok)
	if !ok {
		c.refused++
		return
	}
	require.Equal(t, want, got, "%s\nas %s", name, text)
	require.Equal(t, want, cond.Oracle(k.frame(t)), name)
	c.evaluated++
	switch {
	case !cond.Fallback():
		c.whole++
	}
	switch {
	case one.GetEvalError() != nil && want == expr.Error, one.GetUnknown() != nil && want == expr.Unknown:
		c.expected++
	case one.GetEvalError() == nil && one.GetUnknown() == nil && want == k.wanted:
		c.expected++
	}
}

// oneCase is a case with what is bound sorted into attributes and constants.
type oneCase struct {
	*testpb.SimpleTest
	attrs  []expr.Attr
	values map[string]any // of attributes
	consts map[string]string
	wanted expr.Truth // if it goes as expected
	table  *expr.Table
}

func newCase(one *testpb.SimpleTest) *oneCase {
	k := &oneCase{SimpleTest: one, values: map[string]any{}, consts: map[string]string{}, wanted: expr.True}
	for _, d := range one.TypeEnv {
		kind, ok := kindOf(d.GetIdent().GetType())
		b := one.Bindings[d.Name]
		switch {
		case ok && d.GetIdent() != nil:
			k.attrs = append(k.attrs, expr.Attr{Name: d.Name, Kind: kind})
			if b != nil {
				k.values[d.Name] = native(b.GetValue())
			}
		case b != nil:
			k.consts[d.Name] = literal(b.GetValue())
		}
	}
	for name, b := range one.Bindings {
		if _, typed := k.values[name]; !typed {
			k.consts[name] = literal(b.GetValue())
		}
	}
	return k
}

// texts are the ways to make a condition of the case, the best first.
func (k *oneCase) texts() []string {
	e := "(" + k.Expr + "\n)"
	if k.DisableMacros {
		e = k.Expr
	}
	list := []string{e + " == " + e, "dyn(" + e + ") == dyn(" + e + ")"}
	if v := k.GetValue(); v != nil {
		if b, ok := v.Kind.(*exprpb.Value_BoolValue); ok {
			k.wanted = expr.True
			if !b.BoolValue {
				k.wanted = expr.False
			}
			list = []string{e}
		} else {
			list = []string{e + " == " + literal(v), "dyn(" + e + ") == " + literal(v)}
			if d, ok := v.Kind.(*exprpb.Value_DoubleValue); ok && math.IsNaN(d.DoubleValue) {
				list = []string{e + " != " + e}
			}
		}
	}
	for i := range list {
		for _, name := range slices.Sorted(maps.Keys(k.consts)) {
			list[i] = "[" + k.consts[name] + "].exists(" + name + ", " + list[i] + ")"
		}
	}
	return list
}

// extensions are the libraries that the suite tests beside the language itself.
func (k *oneCase) extensions() []cel.EnvOption {
	return []cel.EnvOption{cel.Container(k.Container), cel.OptionalTypes(), cel.EnableIdentifierEscapeSyntax(), ext.Strings(), ext.Math(), ext.Encoders(),
		ext.Bindings(), ext.TwoVarComprehensions(), ext.Lists(), ext.Sets()}
}

// reference evaluates the case by cel-go, by its older parser. It is not ok where cel-go refuses the text.
func (k *oneCase) reference() (text string, v expr.Truth, ok bool) {
	opts := k.extensions()
	for _, a := range k.attrs {
		opts = append(opts, cel.Variable(a.Name, celType(a.Kind)))
	}
	env, err := cel.NewEnv(opts...)
	if err != nil {
		return k.texts()[0], 0, false
	}
	for _, text := range k.texts() {
		parsed, iss := env.Parse(text)
		if iss.Err() != nil {
			continue
		}
		if !k.DisableCheck {
			if parsed, iss = env.Check(parsed); iss.Err() != nil {
				continue
			}
		}
		program, err := env.Program(parsed)
		if err != nil {
			continue
		}
		out, _, err := program.Eval(k.values)
		switch {
		case err != nil:
			return text, expr.Error, true
		case out == types.True:
			return text, expr.True, true
		case out == types.False:
			return text, expr.False, true
		case types.IsUnknown(out):
			return text, expr.Unknown, true
		}
		return text, expr.Error, true // not a bool
	}
	return k.texts()[0], 0, false
}

// ours evaluates a text by the instructions. There is no condition where the compiler refuses the text.
func (k *oneCase) ours(t *testing.T, text string) (expr.Truth, *expr.Cond) {
	table, err := expr.NewTable(k.attrs)
	require.NoError(t, err)
	language := expr.CEL
	if k.DisableCheck {
		language = expr.UntypedCEL
	}
	c, err := expr.NewCompiler(table, &expr.Options{Language: language, Extensions: k.extensions()})
	require.NoError(t, err)
	cond, problems := c.Compile(text)
	if problems != nil {
		return 0, nil
	}
	k.table = table
	return cond.Eval(k.frame(t)), cond
}

func (k *oneCase) frame(t *testing.T) *expr.Frame {
	f := k.table.NewFrame()
	for name, v := range k.values {
		s, ok := k.table.Lookup(name)
		require.True(t, ok)
		switch v := v.(type) {
		case string:
			f.SetString(s, v)
		case int64:
			f.SetInt(s, v)
		case bool:
			f.SetBool(s, v)
		case float64:
			f.SetDouble(s, v)
		case []string:
			f.SetStrings(s, v)
		}
	}
	return f
}

// kindOf is the kind of attribute that holds a type, if there is one.
func kindOf(t *exprpb.Type) (expr.Kind, bool) {
	switch t.GetPrimitive() {
	case exprpb.Type_STRING:
		return expr.String, true
	case exprpb.Type_INT64:
		return expr.Int, true
	case exprpb.Type_BOOL:
		return expr.Bool, true
	case exprpb.Type_DOUBLE:
		return expr.Double, true
	}
	if t.GetListType().GetElemType().GetPrimitive() == exprpb.Type_STRING {
		return expr.Strings, true
	}
	return expr.None, false
}

func celType(k expr.Kind) *cel.Type {
	return map[expr.Kind]*cel.Type{expr.String: cel.StringType, expr.Int: cel.IntType, expr.Bool: cel.BoolType, expr.Double: cel.DoubleType,
		expr.Strings: cel.ListType(cel.StringType)}[k]
}

func native(v *exprpb.Value) any {
	switch x := v.GetKind().(type) {
	case *exprpb.Value_StringValue:
		return x.StringValue
	case *exprpb.Value_Int64Value:
		return x.Int64Value
	case *exprpb.Value_BoolValue:
		return x.BoolValue
	case *exprpb.Value_DoubleValue:
		return x.DoubleValue
	case *exprpb.Value_ListValue:
		list := []string{}
		for _, item := range x.ListValue.Values {
			list = append(list, item.GetStringValue())
		}
		return list
	}
	return nil
}

// literal spells a value in CEL.
func literal(v *exprpb.Value) string {
	switch x := v.GetKind().(type) {
	case *exprpb.Value_BoolValue:
		return strconv.FormatBool(x.BoolValue)
	case *exprpb.Value_Int64Value:
		return strconv.FormatInt(x.Int64Value, 10)
	case *exprpb.Value_Uint64Value:
		return strconv.FormatUint(x.Uint64Value, 10) + "u"
	case *exprpb.Value_DoubleValue:
		return double(x.DoubleValue)
	case *exprpb.Value_StringValue:
		return strconv.Quote(x.StringValue)
	case *exprpb.Value_BytesValue:
		var b strings.Builder
		for _, c := range x.BytesValue {
			fmt.Fprintf(&b, `\x%02x`, c)
		}
		return `b"` + b.String() + `"`
	case *exprpb.Value_ListValue:
		items := []string{}
		for _, item := range x.ListValue.Values {
			items = append(items, literal(item))
		}
		return "[" + strings.Join(items, ", ") + "]"
	case *exprpb.Value_MapValue:
		entries := []string{}
		for _, e := range x.MapValue.Entries {
			entries = append(entries, literal(e.Key)+": "+literal(e.Value))
		}
		return "{" + strings.Join(entries, ", ") + "}"
	case *exprpb.Value_TypeValue:
		return x.TypeValue
	}
	return "null"
}

func double(d float64) string {
	switch {
	case math.IsInf(d, 0):
		return `double("` + strconv.FormatFloat(d, 'g', -1, 64) + `")`
	case math.IsNaN(d):
		return `double("NaN")`
	}
	s := strconv.FormatFloat(d, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}
