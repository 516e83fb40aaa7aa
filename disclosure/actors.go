package disclosure

import (
	"cmp"
	"encoding/json"
	"slices"
)

// Actors is the idempotency record of a session: every command that earned a
// receipt, in order. Adding one copies nothing: states share what came before
// them. The zero Actors is empty. It may be read by many goroutines at once.
type Actors struct{ last *accepted }

// accepted is one command that was. It never changes.
type accepted struct {
	Actor   string
	Command string
	Digest  Digest // of the command
	Receipt Receipt
	last    uint64 // the actor's highest sequence number by then
	before  *accepted
}

// Receipt returns what an actor's command has earned, if it has.
func (a Actors) Receipt(actor, command string) (Receipt, bool) {
	if x, _ := a.find(actor, command); x != nil {
		return x.Receipt, true
	}
	return Receipt{}, false
}

// Seq returns the actor's last sequence number.
func (a Actors) Seq(actor string) uint64 {
	_, seq := a.find(actor, "")
	return seq
}

// IsZero reports whether there is no entry.
func (a Actors) IsZero() bool { return a.last == nil }

// find returns the actor's latest use of an id, nil for none, and the actor's
// last sequence number. It costs a comparison per command of the session.
func (a Actors) find(actor, id string) (found *accepted, last uint64) {
	for x := a.last; x != nil; x = x.before {
		if x.Actor != actor {
			continue
		}
		last = max(last, x.last)
		if x.Command == id {
			return x, last
		}
	}
	return nil, last
}

// with returns the record with one event more.
func (a Actors) with(e *Event) Actors { return a.put(new(accepted), e, a.Seq(e.Actor)) }

// put writes an event to x, which nothing else names, and returns the record with
// it. The actor's highest sequence number was last.
func (a Actors) put(x *accepted, e *Event, last uint64) Actors {
	*x = accepted{Actor: e.Actor, Command: e.Command, Digest: e.Digest,
		Receipt: Receipt{Index: e.Seq, Event: e.sum}, last: max(last, e.Seq), before: a.last}
	return Actors{x}
}

// actorJSON is one actor's part as JSON.
type actorJSON struct {
	Seq      uint64             `json:"seq"`
	Receipts map[string]Receipt `json:"receipts"` // by command id
	Digests  map[string]Digest  `json:"digests"`  // of the commands
}

// MarshalJSON writes an object by actor: the last sequence number, and the
// receipts and command digests by command id.
func (a Actors) MarshalJSON() ([]byte, error) {
	out := map[string]*actorJSON{}
	for x := a.last; x != nil; x = x.before {
		o := out[x.Actor]
		if o == nil {
			o = &actorJSON{Seq: x.last, Receipts: map[string]Receipt{}, Digests: map[string]Digest{}}
			out[x.Actor] = o
		}
		if _, ok := o.Receipts[x.Command]; !ok {
			o.Receipts[x.Command], o.Digests[x.Command] = x.Receipt, x.Digest
		}
	}
	return json.Marshal(out)
}

// UnmarshalJSON reads what MarshalJSON writes. The order among actors is lost,
// which changes no answer.
func (a *Actors) UnmarshalJSON(data []byte) error {
	var in map[string]*actorJSON
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	var all []accepted
	for actor, o := range in {
		if o == nil {
			continue
		}
		for id, r := range o.Receipts {
			all = append(all, accepted{Actor: actor, Command: id, Digest: o.Digests[id], Receipt: r, last: o.Seq})
		}
	}
	slices.SortFunc(all, func(x, y accepted) int {
		return cmp.Or(cmp.Compare(x.Receipt.Index, y.Receipt.Index), cmp.Compare(x.Actor, y.Actor), cmp.Compare(x.Command, y.Command))
	})
	*a = Actors{}
	for i := range all {
		all[i].before, a.last = a.last, &all[i]
	}
	return nil
}
