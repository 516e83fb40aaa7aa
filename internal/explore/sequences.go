package explore

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/deeperpoint/csss/disclosure"
)

// Sequences walks every sequence of so many commands and ticks of the clock
// from the beginning, and of one fewer from each turn of a session. A rejected
// command changes nothing, so all that follows it has been seen without it.
//
// Sequences of one length that lead to the same state, at one instant and with
// the same history, go on as one: a decision is a function of these. They are
// gone on from once, and counted as often as they are. Only receipts are not
// compared. They answer to an id or a number that is given again, and no
// sequence gives one again; [States] gives every command again.
func Sequences(m *disclosure.Machine, depth int) Result {
	w := newWalker(m)
	for i, way := range ways {
		n, left := start(), depth
		if i > 0 {
			left--
		}
		for i, x := range way {
			w.step(&n, x, fmt.Sprint("way", i))
		}
		w.layers(n, left)
	}
	return w.Result
}

// layers goes on from a node by so many commands.
func (w *walker) layers(from node, depth int) {
	layer := []lot{{node: from, sequences: 1}}
	covered := 1
	for range depth {
		w.States += len(layer)
		layer = w.after(layer)
		covered *= len(w.all) + 1
	}
	w.States += len(layer)
	for i := range layer {
		w.Phases[layer[i].s.Phase] = true
	}
	w.Sequences += covered
}

// lot is a node, and how many sequences of one length lead to it.
type lot struct {
	node
	sequences int
}

// after goes on from each lot by a tick of the clock and by every command.
func (w *walker) after(layer []lot) []lot {
	next := merger{at: map[exact]int{}}
	for i := range layer {
		from := &layer[i]
		w.Phases[from.s.Phase] = true
		if later, ok := nextInstant(from.now); ok {
			n := from.node
			n.now = later
			next.add(&n, from, "later")
		}
		for _, x := range w.all {
			w.Commands += from.sequences
			n := from.node
			if w.step(&n, x, "c") {
				next.add(&n, from, x.kind)
			}
		}
	}
	return next.lots
}

// merger collects nodes, equal ones as one.
type merger struct {
	lots []lot
	at   map[exact]int
}

func (m *merger) add(n *node, from *lot, by disclosure.Kind) {
	n.s.Actors = disclosure.Actors{}
	k := exactly(n)
	i, met := m.at[k]
	if !met {
		i = len(m.lots)
		m.at[k] = i
		n.path = from.path + " " + string(by)
		m.lots = append(m.lots, lot{node: *n})
	}
	m.lots[i].sequences += from.sequences
}

// exact is all that what follows a node depends on.
type exact struct {
	state disclosure.Digest
	h     history
	now   time.Time
}

func exactly(n *node) exact {
	s := n.s
	s.Proposal = disclosure.Proposal{} // the same for all
	data, _ := json.Marshal(s)         // texts, numbers and these times always encode
	return exact{disclosure.DigestOf(data), n.h, n.now}
}

// ways lead to the turns of a session that the sequences begin at.
var ways = func() [][]move {
	yes := disclosure.HoldGranted
	four := []move{{0, disclosure.OptIn, yes}, {1, disclosure.OptIn, yes}, {0, disclosure.Authorize, yes}, {1, disclosure.Authorize, yes}}
	engaged := append(four[:4:4], move{0, disclosure.AcceptTerms, yes}, move{1, disclosure.AcceptTerms, yes})
	return [][]move{nil, four[:3], four, engaged}
}()
