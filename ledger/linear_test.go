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

// streamModel says what one stream may answer, one operation at a time.
var streamModel = porcupine.Model{
	Init: func() any { return "" },
	Step: func(state, input, output any) (bool, any) {
		keys, q, a := strings.Fields(state.(string)), input.(question), output.(answer)
		at := uint64(0)
		for i, k := range keys {
			if k == q.key {
				at = uint64(i) + 1
			}
		}
		have := uint64(len(keys))
		switch {
		case q.op == "version":
			return a == answer{version: have}, state
		case q.op == "by key":
			return a == answer{version: at, ok: at > 0}, state
		case at > 0:
			return a == answer{version: at, ok: true, duplicate: true}, state
		case q.expect != ledger.Any && q.expect != ledger.Exactly(have):
			return a == answer{version: have}, state
		}
		return a == answer{version: have + 1, ok: true}, state.(string) + " " + q.key
	},
	DescribeOperation: func(input, output any) string { return fmt.Sprintf("%+v -> %+v", input, output) },
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
						q := question{op: "append", key: fmt.Sprint(random.IntN(60))}
						switch random.IntN(6) {
						case 0:
							q = question{op: "version"}
						case 1:
							q.op = "by key"
						case 2, 3:
							q.expect = ledger.Exactly(l.StreamVersion("s"))
						}
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
