package policy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
)

// Document is a firm's rules as Go values, for hosts that write them by program. [Document.Source] spells it in the
// document format; it then means, and hashes to, what the same document written by hand does. Fields are named as the
// format's keys are; zero values leave a key out. Whatever is wrong with it is said by [Compile], at a place of the text.
type Document struct {
	Employer  string            `json:"employer"`
	Version   int               `json:"version"`
	Zone      string            `json:"zone,omitempty"`
	Deal      *DealTimes        `json:"deal,omitempty"`
	Templates []Template        `json:"templates,omitempty"`
	Quotas    []QuotaRule       `json:"quotas,omitempty"`
	Approvals []ApprovalRule    `json:"approvals,omitempty"`
	Grants    []GrantRule       `json:"grants,omitempty"`
	Walls     []WallRule        `json:"walls,omitempty"`
	Rules     []Rule            `json:"rules"`
	Tests     []json.RawMessage `json:"tests,omitempty"` // as in the format
}

// Span is a duration that the format spells in h, m and s, such as 2h30m.
type Span time.Duration

// MarshalText returns the duration as documents spell it.
func (s Span) MarshalText() ([]byte, error) { return []byte(short(time.Duration(s))), nil }

// UnmarshalText reads what time.ParseDuration does.
func (s *Span) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil {
		return &RequestError{Field: "span", Text: "is no duration such as 2h30m"}
	}
	*s = Span(v)
	return nil
}

// DealTimes is how long a deal may sleep; zero values are the defaults of [Deal].
type DealTimes struct {
	Deadline   Span `json:"deadline,omitempty"`
	HardExpiry Span `json:"hard_expiry,omitempty"`
	Grace      Span `json:"grace,omitempty"`
}

// Template is a condition with parameters, written param.NAME.
type Template struct {
	ID     string            `json:"id"`
	Params map[string]string `json:"params,omitempty"` // name to string, strings, int, duration, time, bool or double
	When   string            `json:"when"`
}

// QuotaRule is a [Quota] as the format has it.
type QuotaRule struct {
	ID   string   `json:"id"`
	Per  string   `json:"per"`
	Unit string   `json:"unit"`          // "duration" or "count"
	Max  any      `json:"max,omitempty"` // a Span, or an int where the unit is count
	Min  any      `json:"min,omitempty"`
	Key  []string `json:"key,omitempty"`
}

// ApprovalRule is a [Requirement] as the format has it.
type ApprovalRule struct {
	ID         string          `json:"id"`
	Seats      []string        `json:"seats"`
	Need       int             `json:"need"`
	Expires    Span            `json:"expires"`
	Not        []string        `json:"not,omitempty"`
	Order      string          `json:"order,omitempty"` // "sequence" or "any"
	Veto       bool            `json:"veto,omitempty"`
	Escalate   *EscalateRule   `json:"escalate,omitempty"`
	Delegation *DelegationRule `json:"delegation,omitempty"`
}

// EscalateRule opens more seats after a time, see [Escalation].
type EscalateRule struct {
	After Span     `json:"after"`
	Seats []string `json:"seats"`
}

// DelegationRule lets seats be handed on, see [Delegation].
type DelegationRule struct {
	Depth  int  `json:"depth"`
	Within Span `json:"within,omitempty"`
}

// Validity is from inclusive, until exclusive; a zero time leaves its end open.
type Validity struct {
	From  time.Time `json:"from,omitzero"`
	Until time.Time `json:"until,omitzero"`
}

// GrantRule is a [Grant] as the format has it.
type GrantRule struct {
	ID         string            `json:"id"`
	To         map[string]string `json:"to"` // role or person
	May        []string          `json:"may"`
	Categories []string          `json:"categories"`
	When       string            `json:"when,omitempty"`
	Use        string            `json:"use,omitempty"`  // a template, instead of When …
	With       map[string]any    `json:"with,omitempty"` // … and its parameters, as a rule's
	Quotas     []string          `json:"quotas,omitempty"`
	Discharges []string          `json:"discharges,omitempty"`
	Depth      int               `json:"depth,omitempty"`
	Valid      Validity          `json:"valid"`
	AtExpiry   string            `json:"at_expiry,omitempty"`
}

// WallRule is a [Wall] as the format has it.
type WallRule struct {
	ID         string   `json:"id"`
	Categories []string `json:"categories,omitempty"`
	Key        []string `json:"key,omitempty"`
	Class      string   `json:"class"`
	Distinct   int      `json:"distinct,omitempty"`
	CoolingOff Span     `json:"cooling_off"`
}

// Effects of a [Rule].
const (
	EffectPermit = "permit"
	EffectForbid = "forbid"
)

// Rule is a permit or a forbid.
type Rule struct {
	ID          string         `json:"id"`
	Effect      string         `json:"effect"` // EffectPermit or EffectForbid
	Actions     []Action       `json:"actions,omitempty"`
	Categories  []string       `json:"categories,omitempty"`
	When        string         `json:"when,omitempty"`
	Use         string         `json:"use,omitempty"`  // a template, instead of When …
	With        map[string]any `json:"with,omitempty"` // … and its parameters: string, []string, int, Span, time.Time, bool or float64
	Valid       *Validity      `json:"valid,omitempty"`
	Authority   string         `json:"authority,omitempty"`
	Approval    string         `json:"approval,omitempty"` // "auto" or an approval; a permit must say it
	Quotas      []string       `json:"quotas,omitempty"`
	Requires    []string       `json:"requires,omitempty"`
	Overrides   []string       `json:"overrides,omitempty"`
	Obligations []string       `json:"obligations,omitempty"`
	Advice      []string       `json:"advice,omitempty"`
}

// Source spells the document as text, which [Compile] reads. It fails only for values that JSON cannot hold: a raw part
// that is no JSON, a parameter that is no value of a template, a time beyond the year 9999.
func (d *Document) Source(name string) (Source, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // conditions are full of < and &
	enc.SetIndent("", " ")
	if err := enc.Encode(struct {
		APIVersion string `json:"apiVersion"`
		*Document
	}{apiVersion, d}); err != nil {
		return Source{}, fmt.Errorf("policy: document: %w", err)
	}
	return Source{Name: name, Text: b.Bytes()}, nil
}
