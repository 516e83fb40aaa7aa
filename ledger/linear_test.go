package ledger_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/ledger"
	"github.com/deeperpoint/csss/ledger/internal/vfs/crashfs"
)

// question and answer are one operation on one stream. Keys are numbers, the
// state is the stream's keys in order.
type question struct {
	op     string
	key    string
	expect ledger.Version
}

type answer struct {
	version   uint64
	ok        bool
	duplicate bool
}

// streamModel says what one stream may answer, one operation at a time. An append without an answer was cut off by a
// crash: it has happened or it has not.
var streamModel = (&porcupine.NondeterministicModel{
	Init: func() []any { return []any{""} },
	Step: func(state, input, output any) []any {
		if output == nil {
			return append(next(state, input, wouldBe(state.(string), input.(question))), state)
		}
		return next(state, input, output)
	},
	DescribeOperation: func(input, output any) string { return fmt.Sprintf("%+v -> %+v", input, output) },
}).ToModel()

// next returns the state after an operation, or none if it cannot have had this answer.
func next(state, input, output any) []any {
	q, a := input.(question), output.(answer)
	if a != wouldBe(state.(string), q) {
		return nil
	}
	if q.op == "append" && a.ok && !a.duplicate {
		return []any{state.(string) + " " + q.key}
	}
	return []any{state}
}

// wouldBe is the answer in a state.
func wouldBe(state string, q question) answer {
	keys, at := strings.Fields(state), uint64(0)
	for i, k := range keys {
		if k == q.key {
			at = uint64(i) + 1
		}
	}
	have := uint64(len(keys))
	switch {
	case q.op == "version":
		return answer{version: have}
	case q.op == "by key":
		return answer{version: at, ok: at > 0}
	case at > 0:
		return answer{version: at, ok: true, duplicate: true}
	case q.expect != ledger.Any && q.expect != ledger.Exactly(have):
		return answer{version: have}
	}
	return answer{version: have + 1, ok: true}
}

func ask(t *testing.T, l *ledger.Log, q question) answer {
	switch q.op {
	case "version":
		return answer{version: l.StreamVersion("s")}
	case "by key":
		r, ok, err := l.ByKey(t.Context(), q.key)
		if err != nil {
			t.Error(err)
		}
		return answer{version: r.StreamVersion, ok: ok}
	}
	r, err := l.Append(t.Context(), ledger.Append{Stream: "s", Type: "t", Key: q.key, Expect: q.expect})
	if conflict, ok := errors.AsType[*ledger.ConflictError](err); ok {
		return answer{version: conflict.Have}
	}
	if err != nil {
		t.Error(err)
		return answer{}
	}
	return answer{version: r[0].StreamVersion, ok: true, duplicate: r[0].Duplicate}
}

func drawQuestion(random *rand.Rand, l *ledger.Log, keys int) question {
	q := question{op: "append", key: fmt.Sprint(random.IntN(keys))}
	switch random.IntN(6) {
	case 0:
		q = question{op: "version"}
	case 1:
		q.op = "by key"
	case 2, 3:
		q.expect = ledger.Exactly(l.StreamVersion("s"))
	}
	return q
}

func TestConcurrentHistoriesAreLinear(t *testing.T) {
	for name, open := range map[string]func() (*ledger.Log, error){
		"memory": func() (*ledger.Log, error) { return ledger.OpenMemory(nil) },
		"dir":    func() (*ledger.Log, error) { return ledger.OpenDir(t.Context(), t.TempDir(), nil) },
	} {
		t.Run(name, func(t *testing.T) {
			l, err := open()
			require.NoError(t, err)
			defer l.Close()
			var mu sync.Mutex
			var history []porcupine.Operation
			var wg sync.WaitGroup
			begin := time.Now()
			for client := range 5 {
				wg.Go(func() {
					random := rand.New(rand.NewPCG(1, uint64(client)))
					for range 40 {
						q := drawQuestion(random, l, 60)
						call := time.Since(begin)
						a := ask(t, l, q)
						done := time.Since(begin)
						mu.Lock()
						history = append(history, porcupine.Operation{ClientId: client, Input: q, Call: int64(call), Output: a, Return: int64(done)})
						mu.Unlock()
					}
				})
			}
			wg.Wait()
			require.Equal(t, porcupine.Ok, porcupine.CheckOperationsTimeout(streamModel, history, 10*time.Second))
			require.NotZero(t, l.Size())
			_, err = l.Verify(t.Context(), nil)
			require.NoError(t, err)
		})
	}
}

// asked is an operation with the number of operations the file system had done before it began and when it was over.
type asked struct {
	porcupine.Operation
	start, end int
}

// cut is the history as it was when the power failed after an operation of the file system.
func cut(history []asked, op int) (out []porcupine.Operation, crash int64) {
	for _, a := range history {
		if a.start <= op {
			crash = max(crash, a.Return) + 1
		}
	}
	for _, a := range history {
		switch {
		case a.end <= op:
			out = append(out, a.Operation)
		case a.start <= op && a.Input.(question).op == "append":
			a.Output, a.Return = nil, crash
			out = append(out, a.Operation)
		}
	}
	return out, crash
}

// Callers append, look up and count at once; the power fails, and what is there afterwards is what one order of the
// operations leads to, in which all that were answered happened and the others did or did not.
func TestCrashedHistoriesAreLinear(t *testing.T) {
	rounds, each := 12, 40
	if testing.Short() {
		rounds, each = 3, 15
	}
	checked, pending := 0, 0
	for round := range rounds {
		f := crashfs.New()
		l, err := openOver(t.Context(), f, tiny, nil)
		require.NoError(t, err)
		f.SetSyncTime(100 * time.Microsecond)
		var mu sync.Mutex
		var history []asked
		var wg sync.WaitGroup
		begin, opened := time.Now(), f.Ops()
		for client := range 4 {
			wg.Go(func() {
				random := rand.New(rand.NewPCG(uint64(round), uint64(client)))
				for range 6 {
					a := asked{start: f.Ops()}
					a.ClientId, a.Input, a.Call = client, drawQuestion(random, l, 15), int64(time.Since(begin))
					a.Output = ask(t, l, a.Input.(question))
					a.Return, a.end = int64(time.Since(begin)), f.Ops()
					mu.Lock()
					history = append(history, a)
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		require.NoError(t, l.Close())
		random := rand.New(rand.NewPCG(uint64(round), 99))
		for p := range f.Points(opened) {
			for c := range p.Choices(each, random) {
				if random.IntN(8) > 0 {
					continue
				}
				after, err := openOver(t.Context(), p.Image(c), tiny, nil)
				require.NoError(t, err, p.Describe(c))
				operations, now := cut(history, p.Op)
				for key := range 15 {
					q := question{op: "by key", key: fmt.Sprint(key)}
					operations = append(operations, porcupine.Operation{ClientId: 9, Input: q, Call: now + 2, Output: ask(t, after, q), Return: now + 3})
					now += 2
				}
				require.NoError(t, after.Close())
				require.Equal(t, porcupine.Ok, porcupine.CheckOperationsTimeout(streamModel, operations, 10*time.Second), p.Describe(c))
				checked++
				for _, o := range operations {
					if o.Output == nil {
						pending++
						break
					}
				}
			}
		}
	}
	t.Logf("%d crashes, %d of them with appends in flight", checked, pending)
	require.Positive(t, pending)
}
