//go:build unix

package csss_test

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss"
	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/internal/world"
)

// killedRun tells a child process what to play, and when to kill itself.
type killedRun struct {
	Dir   string
	After int // durable entries from the start of the process; the kill comes in the middle of the call
}

const killedEnv = "CSSS_TEST_KILLED_RUN"

// acknowledged is what the child says of each answered command.
type acknowledged struct {
	Name           string
	Digest         disclosure.Digest
	Size           uint64
	Demand, Supply disclosure.Handle
}

// TestKilledChild is the child: it plays the story and kills itself.
func TestKilledChild(t *testing.T) {
	var run killedRun
	if err := json.Unmarshal([]byte(os.Getenv(killedEnv)), &run); err != nil {
		return // no child: nothing to play
	}
	n := 0
	d := newDeal(t, csss.Config{Dir: run.Dir, Events: func(string) {
		if n++; n == run.After {
			_ = syscall.Kill(syscall.Getpid(), syscall.SIGKILL)
			select {} // the signal is on its way
		}
	}})
	out := json.NewEncoder(os.Stdout)
	for _, m := range d.story() {
		d.must(m)
		require.NoError(t, out.Encode(acknowledged{m.name, d.digest(), d.x.Size(), d.demand, d.supply}))
	}
}

// The process is killed after every single durable entry of the story, in the
// middle of the call that wrote it. Reopening shows every acknowledged step, no
// half step, and the state as the child last saw it or one whole step further;
// and the story can be finished by giving the same commands again.
func TestKilledAtEveryEntry(t *testing.T) {
	t.Parallel()
	after, kinds := reference(t)
	imported := len((&deal{T: t, s: world.K3Story2()}).loading())
	loaded := loadedOnce(t)
	for n := 1; n <= len(kinds); n++ {
		first := int(after[imported-1])
		if n <= first && n%9 != 1 || testing.Short() && n%4 != 0 {
			continue // within one batch of the import the entries are one commit
		}
		dir, from := t.TempDir(), 0
		if n > first {
			require.NoError(t, os.CopyFS(dir, os.DirFS(loaded)))
			from = first
		}
		acks := killed(t, killedRun{Dir: dir, After: n - from})
		d := &deal{T: t, s: world.K3Story2()}
		d.at = d.s.Registered()
		again := []string{}
		story := d.story()
		d.open(csss.Config{Dir: dir, Events: func(kind string) { again = append(again, kind) }})
		reopened(d, acks, story, after)
		found := d.x.Size()
		require.GreaterOrEqual(t, found, uint64(n), "the %dth entry was durable", n)
		d.must(story...)
		require.Equal(t, kinds[found:], again, "the rest of the story, killed at %d", n)
		d.sound()
		require.NoError(t, d.x.Close())
	}
}

// reopened checks what a new process finds: a whole number of steps, at least
// all those that were acknowledged.
func reopened(d *deal, acks []acknowledged, story []move, after []uint64) {
	d.Helper()
	size := d.x.Size()
	steps := slices.Index(after, size) + 1
	require.True(d, steps > 0, "%d entries end in the middle of a step: %v", size, after)
	require.GreaterOrEqual(d, steps, len(acks))
	require.LessOrEqual(d, steps, len(acks)+1, "only the step that was killed may be there without an answer")
	if len(acks) == 0 {
		return
	}
	last := acks[len(acks)-1]
	require.Equal(d, story[len(acks)-1].name, last.Name)
	d.demand, d.supply = last.Demand, last.Supply // a host keeps its handles
	if size == last.Size {
		require.Equal(d, last.Digest, d.digest(), "the state after %s", last.Name)
	}
	if steps > len(acks) && story[steps-1].name == "select" {
		d.invited()
	}
	d.sound()
}

// loadedOnce is a directory with the market of the story.
func loadedOnce(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	d := newDeal(t, csss.Config{Dir: dir})
	d.must(d.loading()...)
	require.NoError(t, d.x.Close())
	return dir
}

// killed runs the child until it is dead and returns what it had acknowledged.
func killed(t *testing.T, run killedRun) (acks []acknowledged) {
	t.Helper()
	text, err := json.Marshal(run)
	require.NoError(t, err)
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKilledChild$")
	child.Env = append(os.Environ(), killedEnv+"="+string(text))
	var stderr strings.Builder
	child.Stderr = &stderr
	out, err := child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		var ack acknowledged
		if json.Unmarshal(lines.Bytes(), &ack) == nil && ack.Name != "" {
			acks = append(acks, ack)
		}
	}
	err = child.Wait()
	status, ok := child.ProcessState.Sys().(syscall.WaitStatus)
	require.True(t, ok && status.Signaled() && status.Signal() == syscall.SIGKILL, "the child ended by itself: %v %s", err, stderr.String())
	return acks
}
