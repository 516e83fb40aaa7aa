package csss

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/ledger"
	"github.com/deeperpoint/csss/match"
)

// An event is one change of the market's state, decided and not yet logged.
// Steps of a disclosure session are records of package disclosure instead and
// lie in the same log.
type event struct {
	stream   string
	expect   ledger.Version // zero = any
	fresh    bool           // the stream must not exist yet
	subjects []string       // whose key encrypts the payload
	body     body
}

// body is the content of an event; kind is its word in the trail's vocabulary.
type body interface {
	kind() string
	fold(st *state, e ledger.Entry)
}

type (
	firmRegistered struct {
		Firm Firm   `json:"firm"`
		Seed []byte `json:"seed,omitempty"` // of its keys, see ownKeys
	}
	personEnrolled struct {
		Firm   string `json:"firm"`
		Person Person `json:"person"`
		Seed   []byte `json:"seed,omitempty"`
	}
	personLeft struct {
		Person string `json:"person"`
	}
	policyChanged struct {
		Firm    string `json:"firm"`
		Name    string `json:"name"`
		Text    []byte `json:"text"`
		Version int    `json:"version"`
		Digest  string `json:"digest"`
		// What was in force before; absent for a firm's first rules, and in
		// entries from before these keys existed.
		OldVersion int    `json:"old_version,omitempty"`
		OldDigest  string `json:"old_digest,omitempty"`

		Signature *signature `json:"signature,omitempty"` // of a bundle
	}
	offerPublished struct {
		Offer match.Offer `json:"offer"`
		Floor *int64      `json:"floor_cents,omitempty"` // the bound that Offer prints as sealed
		Cost  *int64      `json:"cost_cents,omitempty"`
		By    string      `json:"by"`
	}
	offerWithdrawn struct {
		Offer string `json:"offer"`
	}
	credentialRevoked struct {
		Offer  string `json:"offer"`
		Scheme string `json:"scheme"`
	}
	needRegistered struct {
		Need    match.Need `json:"need"`
		Ceiling *int64     `json:"ceiling_cents,omitempty"`
	}
	needWithdrawn struct {
		Need string `json:"need"`
	}
	comparableRecorded struct {
		Category string  `json:"category"`
		Rates    []int64 `json:"rates"` // cents per hour
	}
	usageReported struct {
		Firm     string       `json:"firm"`
		Person   string       `json:"person,omitempty"`
		Category string       `json:"category,omitempty"`
		Week     string       `json:"week"` // 2026-W38
		Hours    match.Amount `json:"hours"`
	}
	// matchProposed is logged in parts, so that each is erased with whom it
	// speaks of: first what is the asking firm's own, then what is also one
	// offering firm's.
	matchProposed struct {
		Need     string                 `json:"need"`
		Revision int                    `json:"revision"`
		Group    string                 `json:"group"`
		Asks     *[2]asks               `json:"asks,omitempty"`  // the need's summary, frozen here: for things, for people
		Order    []disclosure.SessionID `json:"order,omitempty"` // of all that was found, best first; in the first part only
		Found    []*proposed            `json:"found,omitempty"`
		Rules    string                 `json:"rules"` // digest of the asking firm's own
		Until    time.Time              `json:"until"` // when first answers, questions and offers to consent lapse: Config.Window after the match
		Answers  []answered             `json:"answers,omitempty"`
		Misses   []missed               `json:"misses,omitempty"`
		Passed   []string               `json:"passed,omitempty"` // offers that were not asked: of no effect, so that a refusal leaves as many entries whatever its reason
	}
	// matchOffered is what the offering firm keeps of a candidate once the asking
	// firm is erased: that the handle was its own.
	matchOffered struct {
		Session disclosure.SessionID `json:"session"`
		Offer   string               `json:"offer"`
	}
	summaryFrozen struct {
		Frozen disclosure.Frozen `json:"frozen"`
	}
	summaryConsented struct {
		Session disclosure.SessionID `json:"session"`
		Cost    string               `json:"cost"`   // the field that costs most, as its owner was told
		Frozen  disclosure.Frozen    `json:"frozen"` // for one revision and counterparty; with k′, as its owner was told
	}
	holdProvisional struct {
		Hold match.Hold `json:"hold"`
	}
	holdFirmed struct {
		Hold string `json:"hold"`
	}
	holdReleased struct {
		Hold string    `json:"hold"`
		From time.Time `json:"from,omitzero"` // slots from here on; zero = all
		Why  string    `json:"why"`
	}
	subjectShredded struct {
		Subject string `json:"subject"`
	}
)

// proposed is one candidate as it was shown for a need. Session is the session
// it becomes when it is selected.
type proposed struct {
	Session   disclosure.SessionID `json:"session"`
	Offer     string               `json:"offer"`
	Rev       int                  `json:"rev"`
	Mode      match.Mode           `json:"mode"`
	Tier      match.Tier           `json:"tier"`
	Summary   []string             `json:"summary,omitempty"` // empty: too rare to be shown
	Place     string               `json:"place,omitempty"`
	Covers    string               `json:"covers"`
	Rationale []string             `json:"rationale,omitempty"`
	Asks      shownFor             `json:"asks"`   // what the offer's side sees of the need
	Rate      int64                `json:"rate"`   // agreed price in cents per hour; shown with the reveal
	Priced    bool                 `json:"priced"` // there is a rate: enough comparables were known
	Plan      match.Plan           `json:"plan"`

	Rules [2]disclosure.Digest `json:"rules"` // of both employers, in force when it was proposed
}

// answered is the first answer that an employer group got from the private
// gates of an offer; it stands until the proposal lapses.
type answered struct {
	Offer string `json:"offer"`
	Fit   bool   `json:"fit"`
	Full  bool   `json:"full,omitempty"` // it covered the whole quantity
}

// missed is a near miss, for the eyes of the offer's own firm.
type missed struct {
	Offer  string `json:"offer"`
	Gate   string `json:"gate"`
	Reason string `json:"reason,omitempty"`
	Public bool   `json:"public"`
	Own    bool   `json:"own"` // the firm's own rule or quota said no
}

func (*firmRegistered) kind() string     { return "firm.registered" }
func (*personEnrolled) kind() string     { return "person.enrolled" }
func (*personLeft) kind() string         { return "person.left" }
func (*policyChanged) kind() string      { return "policy.changed" }
func (*offerWithdrawn) kind() string     { return "offer.withdrawn" }
func (*credentialRevoked) kind() string  { return "credential.revoked" }
func (*needRegistered) kind() string     { return "need.registered" }
func (*needWithdrawn) kind() string      { return "need.withdrawn" }
func (*comparableRecorded) kind() string { return "comparable.recorded" }
func (*usageReported) kind() string      { return "usage.reported" }
func (*matchProposed) kind() string      { return "match.proposed" }
func (*matchOffered) kind() string       { return "match.offered" }
func (*summaryFrozen) kind() string      { return "summary.frozen" }
func (*summaryConsented) kind() string   { return "summary.consented" }
func (*holdProvisional) kind() string    { return "hold.provisional" }
func (*holdFirmed) kind() string         { return "hold.firmed" }
func (*subjectShredded) kind() string    { return "subject.shredded" }

func (ev *offerPublished) kind() string {
	if ev.Offer.Revision > 1 {
		return "offer.revised"
	}
	return "offer.published"
}

func (ev *holdReleased) kind() string {
	if ev.Why == "expired" { // package disclosure's word for what time alone has ended
		return "hold.expired"
	}
	return "hold.released"
}

// bodies makes an empty body for each kind the market's fold knows.
var bodies = map[string]func() body{
	"firm.registered":     func() body { return new(firmRegistered) },
	"person.enrolled":     func() body { return new(personEnrolled) },
	"keys.made":           func() body { return new(holderKeyed) },
	"pledge.handed":       func() body { return new(pledgeHanded) },
	"person.left":         func() body { return new(personLeft) },
	"policy.changed":      func() body { return new(policyChanged) },
	"keys.pinned":         func() body { return new(keysPinned) },
	"approval.delegated":  func() body { return new(authorityHanded) },
	"approval.revoked":    func() body { return new(authorityHanded) },
	"grant.issued":        func() body { return new(grantChanged) },
	"grant.delegated":     func() body { return new(grantChanged) },
	"grant.revoked":       func() body { return new(grantChanged) },
	"offer.published":     func() body { return new(offerPublished) },
	"offer.revised":       func() body { return new(offerPublished) },
	"offer.withdrawn":     func() body { return new(offerWithdrawn) },
	"credential.revoked":  func() body { return new(credentialRevoked) },
	"need.registered":     func() body { return new(needRegistered) },
	"need.withdrawn":      func() body { return new(needWithdrawn) },
	"comparable.recorded": func() body { return new(comparableRecorded) },
	"usage.reported":      func() body { return new(usageReported) },
	"match.proposed":      func() body { return new(matchProposed) },
	"match.offered":       func() body { return new(matchOffered) },
	"summary.frozen":      func() body { return new(summaryFrozen) },
	"summary.consented":   func() body { return new(summaryConsented) },
	"hold.provisional":    func() body { return new(holdProvisional) },
	"hold.firmed":         func() body { return new(holdFirmed) },
	"hold.expired":        func() body { return new(holdReleased) },
	"hold.released":       func() body { return new(holdReleased) },
	"subject.shredded":    func() body { return new(subjectShredded) },

	"engagement.monitored": func() body { return new(engagementMonitored) },
	"engagement.noticed":   func() body { return new(engagementNoticed) },
	"engagement.settled":   func() body { return new(disputeSettled) },
}

// entryOf is the payload of a market entry: which command it came from, and
// what it says.
type entryOf struct {
	Command string          `json:"command"`
	Digest  string          `json:"digest"`
	At      time.Time       `json:"at,omitzero"` // as the caller gave it
	Body    json.RawMessage `json:"body"`
}

func encodeEvent(command, digest string, at time.Time, b body) ([]byte, error) {
	text, err := json.Marshal(b)
	if err != nil {
		return nil, fmt.Errorf("csss: encode %s: %w", b.kind(), err)
	}
	return json.Marshal(entryOf{Command: command, Digest: digest, At: at, Body: text})
}

// decodeEvent reads what encodeEvent wrote; an unknown kind is an error, so
// that an older program never skips what a newer one logged.
func decodeEvent(kind string, payload []byte) (entryOf, body, error) {
	var env entryOf
	if err := json.Unmarshal(payload, &env); err != nil {
		return env, nil, fmt.Errorf("csss: decode %s: %w", kind, err)
	}
	mk := bodies[kind]
	if mk == nil {
		return env, nil, fmt.Errorf("csss: unknown entry type %q", kind)
	}
	b := mk()
	if err := json.Unmarshal(env.Body, b); err != nil {
		return env, nil, fmt.Errorf("csss: decode %s: %w", kind, err)
	}
	return env, b, nil
}
