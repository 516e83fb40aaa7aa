package policy

import (
	"slices"
	"time"
)

// apiVersion is the only document format there is.
const apiVersion = "csss.policy/v1"

// Deal is how long a deal may sleep.
type Deal struct {
	Deadline   time.Duration `json:"deadline"`   // an incomplete deal goes stale after this; default 24h
	HardExpiry time.Duration `json:"hardExpiry"` // and cannot be revived after this; default 720h
	Grace      time.Duration `json:"grace"`      // how long past the deadline things in flight may finish; default 72h
}

// effect is what a rule does when it applies.
type effect uint8

const (
	forbid effect = iota
	permit
)

// validity is a stretch of time: from inclusive, until exclusive; a zero bound is open.
type validity struct{ from, until time.Time }

func (v validity) live(now time.Time) bool {
	return !now.Before(v.from) && (v.until.IsZero() || now.Before(v.until))
}

// ref is a name in a document that must be the id of something else in it.
type ref struct {
	id string
	at place
}

// document is one employer's decoded, checked, compiled text. It is immutable once compile has returned it.
type document struct {
	file      string
	employer  string
	employAt  place
	version   int
	zone      string
	loc       *time.Location
	deal      Deal
	quotas    []*quotaDoc
	approvals []*approvalDoc
	grants    []*grantDoc
	walls     []*wallDoc
	rules     []*rule
	tests     []*Test

	discharging bool // a grant stands for approvals
	overriding  bool // a permit overrides another
	consentRank int  // how many approvals stand before the consent of the person offered, by name
	digest      [32]byte
}

type quotaDoc struct {
	Quota
	at   place
	keys []ref
}

type approvalDoc struct {
	Requirement
	at place
}

type grantDoc struct {
	Grant
	at        place
	when      *condition
	whenAt    place
	quotaRefs []ref
	mayRefs   []ref
	discharge []ref
	quotas    []*Quota
}

type rule struct {
	id         string
	at         place
	actions    []Action
	categories []string
	whenAt     place
	when       *condition // nil: always
	approval   ref        // "auto" or a requirement
	*terms

	needAt    int16  // need's place in the document's approvals; -1: none
	index     uint16 // in the document's rules
	effect    effect
	authority bool   // authority: grant
	timed     bool   // valid says something
	tainted   bool   // reads the counterparty, or asks for a grant that does
	simple    bool   // a permit that asks for no grant, quota, approval or consent
	name      string // id@version
	need      *Requirement
}

// terms are what most rules do not say. Those that say none of it share noTerms.
type terms struct {
	valid     validity
	quotaRefs []ref
	quotas    []*Quota
	overrides []ref
	requires  []string
	// A permit's duties, sorted.
	obligations, advice []string
}

var noTerms terms // never written

func (t *terms) empty() bool {
	return t.valid == validity{} && len(t.quotaRefs)+len(t.overrides)+len(t.requires)+len(t.obligations)+len(t.advice) == 0
}

// whenText is the rule's condition in the document's words, "" if it has none.
func (r *rule) whenText() string {
	if r.when == nil {
		return ""
	}
	return r.when.Text()
}

// heads reports whether the rule is to be looked at for this request.
func (r *rule) heads(action Action, category string, now time.Time) bool {
	return headed(r.actions, r.categories, action, category) && r.valid.live(now)
}

// headed reports whether an action and a category lie in the lists; an empty list holds everything.
func headed(actions []Action, categories []string, action Action, category string) bool {
	return (len(actions) == 0 || slices.Contains(actions, action)) && (len(categories) == 0 || coveredByAny(categories, category))
}

func coveredByAny(heads []string, category string) bool {
	for _, head := range heads {
		if covers(head, category) {
			return true
		}
	}
	return false
}
