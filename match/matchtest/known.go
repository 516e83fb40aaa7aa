package matchtest

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
)

// judge runs one sub-test. Without a reason its failures are t's. With one it
// has to fail, or the reason is stale.
func judge(t testing.TB, known string, run func(testing.TB)) {
	t.Helper()
	r := record(t, run)
	switch {
	case r.skipped:
		t.Skip(r.String())
	case known == "" && r.failed:
		t.Error(r.String())
	case known == "" && r.lines > 0:
		t.Log(r.String())
	case known == "":
	case r.failed:
		t.Skipf("known: %s\n%s", known, r)
	default:
		t.Errorf("stale: it passes, and is known to fail: %s", known)
	}
}

// record runs a sub-test in a goroutine of its own, which FailNow may end, and
// returns what it said. A panic is a failure like others.
func record(t testing.TB, run func(testing.TB)) *recorder {
	r := &recorder{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer r.recovered()
		run(r)
	}()
	<-done
	return r
}

// A recorder is a testing.TB whose verdict is not its parent's.
type recorder struct {
	testing.TB // for Cleanup, TempDir, Context and the rest

	mu              sync.Mutex
	said            strings.Builder
	lines           int
	failed, skipped bool
}

// maxLines is how much of what a sub-test says is kept: an index that is wrong
// is often wrong everywhere.
const maxLines = 12

// recovered is deferred where an index may panic. It keeps the panic and the
// place where it came from.
func (r *recorder) recovered() {
	if p := recover(); p != nil {
		r.Errorf("panicked: %v\n%s", p, origin(debug.Stack()))
	}
}

// origin cuts a stack down to the frames below the panic.
func origin(stack []byte) string {
	_, rest, found := strings.Cut(string(stack), "\npanic(")
	if !found {
		rest = string(stack)
	}
	lines := strings.SplitN(rest, "\n", 8)
	return strings.Join(lines[min(2, len(lines)-1):len(lines)-1], "\n")
}

func (r *recorder) say(failed bool, text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed = r.failed || failed
	switch r.lines++; {
	case r.lines <= maxLines:
		fmt.Fprintln(&r.said, strings.TrimRight(text, "\n"))
	case r.lines == maxLines+1:
		fmt.Fprintln(&r.said, "and so on")
	}
}

// String returns what the sub-test said.
func (r *recorder) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.said.String()
}

// Failed reports whether the sub-test has failed so far.
func (r *recorder) Failed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failed
}

// Skipped reports whether the sub-test was skipped.
func (r *recorder) Skipped() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.skipped
}

func (r *recorder) Helper()                   {}
func (r *recorder) Log(a ...any)              { r.say(false, fmt.Sprintln(a...)) }
func (r *recorder) Logf(f string, a ...any)   { r.say(false, fmt.Sprintf(f, a...)) }
func (r *recorder) Error(a ...any)            { r.say(true, fmt.Sprintln(a...)) }
func (r *recorder) Errorf(f string, a ...any) { r.say(true, fmt.Sprintf(f, a...)) }
func (r *recorder) Fail()                     { r.say(true, "failed") }
func (r *recorder) FailNow()                  { r.Fail(); runtime.Goexit() }
func (r *recorder) Fatal(a ...any)            { r.Error(a...); runtime.Goexit() }
func (r *recorder) Fatalf(f string, a ...any) { r.Errorf(f, a...); runtime.Goexit() }
func (r *recorder) Skip(a ...any)             { r.Log(a...); r.SkipNow() }
func (r *recorder) Skipf(f string, a ...any)  { r.Logf(f, a...); r.SkipNow() }

// SkipNow ends the sub-test without a verdict.
func (r *recorder) SkipNow() {
	r.mu.Lock()
	r.skipped = true
	r.mu.Unlock()
	runtime.Goexit()
}
