package cli_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/examples/internal/cli"
)

type call struct {
	*cli.Call
	many cli.List
	all  string
}

func program(do func(c *call) error) *cli.Program[*call] {
	run := func(_ context.Context, c *call) error { return do(c) }
	return &cli.Program[*call]{Name: "tool", Notes: "Exit code 2: yours.",
		New: func(c *cli.Call) *call {
			mine := &call{Call: c}
			mine.StringVar(&mine.all, "all", "", "of every command")
			return mine
		},
		Commands: []cli.Command[*call]{
			{Name: "two", Words: "A B", Does: "take two", Run: run},
			{Name: "some", Words: "A…", Does: "take some", Run: run, Flags: func(c *call) { c.Var(&c.many, "x", "again and again") }},
			{Name: "maybe", Words: "[A]", Does: "take one or none", Run: run},
			{Name: "none", Does: "take none", Run: run},
		}}
}

func tool(t *testing.T, p *cli.Program[*call], line string) (code int, stderr string) {
	t.Helper()
	var out, errs strings.Builder
	code = p.Run(t.Context(), strings.Fields(line), &out, &errs)
	assert.Empty(t, out.String())
	return code, errs.String()
}

func TestWordsAndFlagsStandInAnyOrder(t *testing.T) {
	var got *call
	p := program(func(c *call) error { got = c; return nil })
	code, errs := tool(t, p, "some a -x 1 b -json -all z -x 2 c")
	require.Zero(t, code, errs)
	assert.Equal(t, []string{"a", "b", "c"}, got.Words)
	assert.Equal(t, cli.List{"1", "2"}, got.many)
	assert.Equal(t, "1,2", got.many.String())
	assert.Equal(t, "z", got.all)
	assert.True(t, got.JSON)
}

func TestACommandTakesSoManyWords(t *testing.T) {
	p := program(func(*call) error { return nil })
	for line, want := range map[string]string{
		"two a b": "", "some a": "", "some a b c d": "", "maybe": "", "maybe a": "", "none": "",
		"two a": "two takes A B, not 1 words", "two a b c": "two takes A B, not 3 words", "some": "some takes A…, not 0 words",
		"maybe a b": "maybe takes [A], not 2 words", "none a": "none takes flags only, not 1 words",
	} {
		code, errs := tool(t, p, line)
		if want == "" {
			assert.Zero(t, code, "%s: %s", line, errs)
			continue
		}
		assert.Equal(t, 2, code, line)
		assert.Equal(t, "tool: "+want+"\n", errs)
	}
}

func TestExitCodes(t *testing.T) {
	for _, row := range []struct {
		err  error
		code int
		says string
	}{
		{nil, 0, ""}, {errors.New("broken"), 1, "tool: broken\n"}, {cli.ErrShown, 1, ""},
		{errors.Join(cli.Usage(nil), cli.ErrShown), 1, ""},
		{cli.Usagef("no %s", "file"), 2, "tool: no file\n"}, {cli.Usage(os.ErrNotExist), 2, "tool: file does not exist\n"},
	} {
		code, errs := tool(t, program(func(*call) error { return row.err }), "none")
		assert.Equal(t, row.code, code, row.err)
		assert.Equal(t, row.says, errs)
	}
	assert.ErrorIs(t, cli.Usage(os.ErrNotExist), os.ErrNotExist)
	for _, line := range []string{"", "fly", "none -fly"} {
		code, errs := tool(t, program(nil), line)
		assert.Equal(t, 2, code, line)
		assert.NotEmpty(t, errs, line)
	}
}

func TestHelpNamesCommandsFlagsAndNotes(t *testing.T) {
	for _, line := range []string{"-h", "help", "some -h", "some a --help"} {
		code, errs := tool(t, program(nil), line)
		assert.Zero(t, code, line)
		assert.Contains(t, errs, "usage: tool")
		assert.Contains(t, errs, "take some")
		assert.Contains(t, errs, "Exit code 2: yours.")
		assert.Equal(t, strings.HasPrefix(line, "some"), strings.Contains(errs, "again and again"), line)
	}
}

func TestFilesAreBounded(t *testing.T) {
	name := filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(name, []byte(strings.Repeat("k", 32)), 0o600))
	b, err := cli.Read(name, 32)
	require.NoError(t, err)
	assert.Len(t, b, 32)
	_, err = cli.Read(name, 31)
	assert.EqualError(t, err, name+" has more than 31 bytes")
	key, err := cli.TenantKey(name)
	require.NoError(t, err)
	assert.Equal(t, b, key)
	key, err = cli.TenantKey("")
	require.NoError(t, err)
	assert.Nil(t, key)
	require.NoError(t, os.WriteFile(name, []byte("short"), 0o600))
	_, err = cli.TenantKey(name)
	assert.EqualError(t, err, "-tenant-key: 5 bytes, want 32")

	require.NoError(t, cli.Folder("dir", filepath.Dir(name)))
	assert.EqualError(t, cli.Folder("dir", name), "-dir: "+name+" is no folder")
	for _, err := range []error{cli.Folder("dir", name+"?"), cli.Folder("dir", name), cli.Usage(err)} {
		_, ok := errors.AsType[cli.UsageError](err)
		assert.True(t, ok, err)
	}
	_, err = cli.Read(name+"?", 1)
	_, ok := errors.AsType[cli.UsageError](err)
	assert.True(t, ok)
}
