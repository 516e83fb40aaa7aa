package witness

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/deeperpoint/csss/ledger/internal/checkpoint"
)

// MaxPolicy is the largest policy file, in bytes.
const MaxPolicy = 64 << 10

// Policy says which logs and how many witnesses must have signed a checkpoint
// before it counts. It does not change and may be used concurrently.
type Policy struct {
	logs      []checkpoint.Key
	witnesses []Witness
	keys      []checkpoint.Key // of the witnesses, in their order
	quorum    *group           // nil: none needed
}

// Witness is a witness line of a policy.
type Witness struct {
	Name        string `json:"name"` // in the policy, not of the key
	VerifierKey string `json:"verifier_key"`
	URL         string `json:"url,omitempty"` // submission prefix
}

// group is a named part of a quorum: one witness, or k of its members.
type group struct {
	name    string
	witness int // index; -1 for a group
	k       int
	members []*group
	used    bool // listed in a group already
}

// ParsePolicy reads a policy file of c2sp.org/tlog-policy: log, witness, group
// and quorum lines. Keys are Ed25519 vkeys, those of witnesses of type 0x04, or of
// 0x01 for the same key. The error wraps [ErrPolicy] and names the line.
func ParsePolicy(text []byte) (*Policy, error) {
	if len(text) > MaxPolicy {
		return nil, fmt.Errorf("%w: more than %d bytes", ErrPolicy, MaxPolicy)
	}
	p := &policyParser{policy: &Policy{}, names: map[string]*group{}}
	number := 0
	for line := range strings.SplitSeq(string(text), "\n") {
		number++
		if what := p.line(line); what != "" {
			return nil, fmt.Errorf("%w: line %d: %s", ErrPolicy, number, what)
		}
	}
	if !p.done {
		return nil, fmt.Errorf("%w: no quorum line", ErrPolicy)
	}
	return p.policy, nil
}

type policyParser struct {
	policy *Policy
	names  map[string]*group
	done   bool // there was a quorum line
}

// line reads one line and says what is wrong with it.
func (p *policyParser) line(line string) string {
	if strings.ContainsFunc(line, func(r rune) bool { return r < 0x20 && r != '\t' || r == 0x7f }) {
		return "control character"
	}
	fields := strings.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == '\t' })
	if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
		return ""
	}
	switch fields[0] {
	case "log":
		return p.log(fields[1:])
	case "witness":
		return p.witness(fields[1:])
	case "group":
		return p.group(fields[1:])
	case "quorum":
		return p.quorum(fields[1:])
	}
	return "unknown keyword"
}

func (p *policyParser) log(f []string) string {
	if len(f) != 1 && len(f) != 2 {
		return "log needs a key and at most a URL"
	}
	k, err := checkpoint.ParseKey(f[0])
	switch {
	case err != nil:
		return err.Error()
	case slices.ContainsFunc(p.policy.logs, func(o checkpoint.Key) bool { return o.Pub.Equal(k.Pub) }):
		return "key of a log comes twice"
	}
	p.policy.logs = append(p.policy.logs, k)
	return ""
}

func (p *policyParser) witness(f []string) string {
	if len(f) != 2 && len(f) != 3 {
		return "witness needs a name, a key and at most a URL"
	}
	k, err := checkpoint.ParseKey(f[1])
	switch {
	case err != nil:
		return err.Error()
	case slices.ContainsFunc(p.policy.keys, func(o checkpoint.Key) bool { return o.Pub.Equal(k.Pub) }):
		return "key of a witness comes twice"
	}
	w := Witness{Name: f[0], VerifierKey: f[1]}
	if len(f) == 3 {
		w.URL = f[2]
	}
	p.policy.witnesses = append(p.policy.witnesses, w)
	p.policy.keys = append(p.policy.keys, k.Cosigning())
	return p.define(&group{name: f[0], witness: len(p.policy.keys) - 1})
}

func (p *policyParser) define(g *group) string {
	if g.name == "none" || p.names[g.name] != nil {
		return "name is taken"
	}
	p.names[g.name] = g
	return ""
}

func (p *policyParser) group(f []string) string {
	if len(f) < 3 {
		return "group needs a name, a threshold and members"
	}
	g := &group{name: f[0], witness: -1}
	for _, name := range f[2:] {
		m := p.names[name]
		switch {
		case m == nil:
			return "member is not defined before"
		case m.used:
			return "member is listed twice"
		}
		m.used = true
		g.members = append(g.members, m)
	}
	switch f[1] {
	case "any":
		g.k = 1
	case "all":
		g.k = len(g.members)
	default:
		k, err := strconv.Atoi(f[1])
		if err != nil || k < 1 || k > len(g.members) || strconv.Itoa(k) != f[1] {
			return "threshold is not between 1 and the number of members"
		}
		g.k = k
	}
	return p.define(g)
}

func (p *policyParser) quorum(f []string) string {
	switch {
	case len(f) != 1:
		return "quorum needs one name"
	case p.done:
		return "quorum comes twice"
	case f[0] != "none" && p.names[f[0]] == nil:
		return "quorum is not defined before"
	}
	p.done = true
	p.policy.quorum = p.names[f[0]]
	return ""
}

// AtLeast is the policy that asks for the cosignatures of n of these witnesses
// (vkeys), which it calls by the names of their keys, and says nothing about the
// log. With n = 0 none is needed. Errors:
// [ErrKey], [ErrPolicy].
func AtLeast(n int, vkeys ...string) (*Policy, error) {
	if n < 0 || n > len(vkeys) {
		return nil, fmt.Errorf("%w: %d of %d witnesses", ErrPolicy, n, len(vkeys))
	}
	p := &policyParser{policy: &Policy{}, names: map[string]*group{}}
	all := []string{"all", strconv.Itoa(n)}
	for i, vkey := range vkeys {
		name := strconv.Itoa(i)
		v, err := verifierOf(vkey)
		if err != nil {
			return nil, err
		}
		if what := p.witness([]string{name, vkey}); what != "" {
			return nil, fmt.Errorf("%w: %s", ErrPolicy, what)
		}
		p.policy.witnesses[i].Name = v.Name()
		all = append(all, name)
	}
	if n > 0 {
		p.group(all)
		p.policy.quorum = p.names["all"]
	}
	return p.policy, nil
}

// Witnesses returns the witnesses in the order of the file.
func (p *Policy) Witnesses() []Witness { return slices.Clone(p.witnesses) }

// Logs returns the keys of the logs in the order of the file; none where the
// policy does not say.
func (p *Policy) Logs() (vkeys []string) {
	for _, k := range p.logs {
		vkeys = append(vkeys, k.String())
	}
	return vkeys
}

// Clients returns a client for each witness that has a URL. Errors: those of
// [NewClient].
func (p *Policy) Clients(hc *http.Client) (out []*Client, err error) {
	for _, w := range p.witnesses {
		if w.URL == "" {
			continue
		}
		c, err := NewClient(hc, w.URL, w.VerifierKey)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

// QuorumError says how far a checkpoint got. It unwraps to [ErrQuorum].
type QuorumError struct {
	Have    []string // names, in the policy, of the witnesses that cosigned
	Missing []string // of those that did not
}

func (e *QuorumError) Error() string {
	return fmt.Sprintf("witness: quorum is not reached: %d witnesses cosigned, not %s", len(e.Have), strings.Join(e.Missing, ", "))
}

// Unwrap returns [ErrQuorum].
func (e *QuorumError) Unwrap() error { return ErrQuorum }

// Check reports whether a signed checkpoint counts: signed by one of the policy's
// logs, of whose name its origin is (where the policy lists logs), and cosigned by
// a quorum. Every signature of a key in the policy is verified; about 60 µs each.
// Errors: [ErrCheckpoint] with the reason, [QuorumError].
func (p *Policy) Check(signed []byte) error {
	head, err := checkpoint.Peek(signed)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrCheckpoint, err)
	}
	known := make([]note.Verifier, 0, len(p.logs)+len(p.keys))
	for _, k := range slices.Concat(p.logs, p.keys) {
		known = append(known, k.Verifier())
	}
	_, n, err := checkpoint.Open(signed, known...)
	if _, none := errors.AsType[*note.UnverifiedNoteError](err); none {
		n, err = &note.Note{}, nil
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrCheckpoint, err)
	}
	by := func(k checkpoint.Key) bool {
		return slices.ContainsFunc(n.Sigs, func(s note.Signature) bool { return s.Name == k.Name && s.Hash == k.Hash })
	}
	logged := func(k checkpoint.Key) bool { return k.Name == head.Origin && by(k) }
	if len(p.logs) > 0 && !slices.ContainsFunc(p.logs, logged) {
		return fmt.Errorf("%w: no signature of a log of the policy", ErrCheckpoint)
	}
	return p.count(by)
}

// count decides whether the witnesses that signed are a quorum.
func (p *Policy) count(by func(checkpoint.Key) bool) error {
	e := &QuorumError{}
	for i, w := range p.witnesses {
		if by(p.keys[i]) {
			e.Have = append(e.Have, w.Name)
		} else {
			e.Missing = append(e.Missing, w.Name)
		}
	}
	if p.quorum == nil || p.quorum.reached(func(i int) bool { return by(p.keys[i]) }) {
		return nil
	}
	return e
}

func (g *group) reached(by func(witness int) bool) bool {
	if g.witness >= 0 {
		return by(g.witness)
	}
	n := 0
	for _, m := range g.members {
		if m.reached(by) {
			n++
		}
	}
	return n >= g.k
}
