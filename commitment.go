package csss

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/disclosure/envelope"
	"github.com/deeperpoint/csss/disclosure/sdjwt"
	"github.com/deeperpoint/csss/ledger"
)

// When a session opens, each side commits to every field that a later stage
// may show: who it is, how to reach it, what its listing says in plain. The
// values are those of the listing's revision that the session is about, whose
// record on the ledger is their first commitment; each session signs them anew
// with fresh salts, because two sessions with one commitment would tell that
// they are about one listing.
//
// The token without its disclosures goes to the other side with the summary,
// whose digest covers it, and every consent is bound to that digest. The
// disclosures are sealed in an envelope: the opt-in hands over the party's share
// of its key, the approval the employer's, and a view after the reveal opens it
// with the operator's. What is shown then is what was promised, whatever became
// of the firm's record since.

// pledge is what a side's later fields are until they are shown.
type pledge struct {
	Envelope []byte            `json:"envelope,omitempty"` // the disclosures of the commitment that the other side was shown; empty in sessions from before there were any
	Schema   disclosure.Digest `json:"schema,omitzero"`    // that named the fields
	Rules    disclosure.Digest `json:"rules,omitzero"`     // of the side's employer
	Checks   envelope.Checks   `json:"checks,omitzero"`    // of the shares: a false one is refused in the consent that hands it over

	Opens map[string]disclosure.Stage `json:"opens,omitempty"` // the stage from which each claim is shown, by the schema of then
}

// identityFields are the fields of an identity, by their names in the schema.
var identityFields = map[string]func(d *disclosure.IdentityData) *string{
	"legal_name": func(d *disclosure.IdentityData) *string { return &d.LegalName },
	"contact":    func(d *disclosure.IdentityData) *string { return &d.Contact },
	"email":      func(d *disclosure.IdentityData) *string { return &d.Email },
	"phone":      func(d *disclosure.IdentityData) *string { return &d.Phone },
	"street":     func(d *disclosure.IdentityData) *string { return &d.Street },
	"city":       func(d *disclosure.IdentityData) *string { return &d.City },
	"site":       func(d *disclosure.IdentityData) *string { return &d.Site },
}

// later is everything that a stage may ever show of a side, by field.
func (st *state) later(f *fit, side disclosure.Side, p disclosure.Party) (disclosure.Values, bool) {
	d, ok := st.identity(p)
	if !ok {
		return nil, false
	}
	v := disclosure.Values{}
	if side == disclosure.Supply {
		l := st.listing(f.off)
		v["category"], v["text"] = []string{f.off.Category}, []string{f.off.Text}
		maps.Copy(v, l.Facts)
		for name, n := range l.Numbers {
			v[name] = []string{strconv.FormatFloat(n, 'f', -1, 64)}
		}
		for _, fact := range l.Dated {
			v[fact.Field] = append(v[fact.Field], fact.Term)
		}
	} else {
		v["category"], v["text"] = []string{f.need.Category}, []string{f.need.Text}
	}
	for name, of := range identityFields {
		v[name] = []string{*of(&d)}
	}
	return v, true
}

// claims are the values as a commitment says them: a field of an identity is a
// text, any other a list. A field of which an earlier stage shows the finest
// label has that as a claim of its own.
func claims(s disclosure.Schema, v disclosure.Values) map[string]any {
	out := map[string]any{}
	for stage := disclosure.StageIdentity; stage <= disclosure.StageEngagement; stage++ {
		opened := s.Open(stage, v)
		for _, f := range s {
			values := opened[f.Name]
			if len(values) == 0 || len(values) == 1 && values[0] == "" {
				continue
			}
			if identityFields[f.Name] != nil {
				out[claimOf(&f, stage)] = strings.Join(values, ", ")
			} else {
				out[claimOf(&f, stage)] = values
			}
		}
	}
	return out
}

// maxPledge is how much a listing and its party may have to show in later stages,
// in bytes as they are sealed.
const maxPledge = 60000

// pledgeSize is what claims take once they are sealed: each a line of JSON with a
// salt, in base64.
func pledgeSize(claims map[string]any) (size int) {
	for name, value := range claims {
		text, _ := json.Marshal([]any{name, value}) // texts always encode
		size += base64.RawURLEncoding.EncodedLen(len(text)+32) + 1
	}
	return size
}

// promisable refuses a listing of which more would have to be shown than fits.
func (st *state) promisable(f *fit, side disclosure.Side, p disclosure.Party, field string) error {
	v, ok := st.later(f, side, p)
	if size := pledgeSize(claims(st.shows, v)); ok && size > maxPledge {
		return &InputError{Field: field, Value: fmt.Sprintf("%d bytes", size),
			Limit: fmt.Sprintf("text, properties and the party's own record must not take more than %d bytes, encoded", maxPledge)}
	}
	return nil
}

// fitted leaves out the largest claims of a listing from before there was a limit.
func fitted(claims map[string]any) map[string]any {
	for pledgeSize(claims) > maxPledge {
		largest, most := "", 0
		for name, value := range claims {
			if text, _ := json.Marshal(value); len(text) > most {
				largest, most = name, len(text)
			}
		}
		delete(claims, largest)
	}
	return claims
}

// checkSchema refuses a schema whose fields cannot be committed to.
func checkSchema(s disclosure.Schema) error {
	all, of := map[string]any{}, map[string]string{}
	for _, f := range s {
		for stage := disclosure.StageIdentity; stage <= disclosure.StageEngagement; stage++ {
			if f.At(stage) > disclosure.Guarded {
				claim := claimOf(&f, stage)
				if was, taken := of[claim]; taken && was != f.Name {
					return &InputError{Field: "config.summary", Limit: "must not have fields whose names differ by the word (label) alone"}
				}
				all[claim], of[claim] = "", f.Name
			}
		}
	}
	_, err := sdjwt.Commit("h", all, ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)), &sdjwt.CommitOptions{Slots: slotsFor(s)})
	if err != nil {
		return &InputError{Field: "config.summary", Limit: "must have fields that an SD-JWT can hold: " + err.Error()}
	}
	return nil
}

// claimOf names the claim that a stage shows of a field.
func claimOf(f *disclosure.Field, stage disclosure.Stage) string {
	if f.At(stage) == disclosure.Finest {
		return f.Name + " (label)"
	}
	return f.Name
}

// slotsFor is how many digests a commitment shows: by the schema alone, so that
// their number tells nothing of a side.
func slotsFor(s disclosure.Schema) int {
	most := max(1, len(opensOf(s)))
	return (most + sdjwt.DefaultSlots - 1) / sdjwt.DefaultSlots * sdjwt.DefaultSlots
}

// pledgeBlock is the least size of a sealed identity: what ordinary disclosures
// fill, so that the length of most tells nothing.
const pledgeBlock = 4096

// commitTo makes both sides' commitments of a session that is about to open.
//
// Errors: ErrUnavailable if a holder's key is not there, since that is one
// side's own; the ledger's and ctx's.
func (x *Exchange) commitTo(ctx context.Context, d *draft) error {
	subjects := []string{exchangeSubject}
	for _, p := range d.Parties {
		subjects = append(subjects, p.Firm, p.Actor)
	}
	x.mu.RLock()
	missing := x.st.unkeyed(subjects...)
	x.mu.RUnlock()
	if err := x.makeKeys(ctx, d.At, missing); err != nil {
		return err
	}
	for side := range disclosure.Side(2) {
		if err := x.pledge(ctx, d, side); err != nil {
			return cmp.Or(ctx.Err(), ErrUnavailable)
		}
	}
	return d.finish()
}

// pledge commits one side to its later fields, and seals them.
func (x *Exchange) pledge(ctx context.Context, d *draft, side disclosure.Side) error {
	seed, ok := x.seed(exchangeSubject)
	if !ok {
		return ErrShare
	}
	signer, err := signerOf(seed)
	if err != nil {
		return err
	}
	schema := x.cfg.summarySchema()
	viewer := side.Other()
	handle := disclosure.HandleOf(d.Session, side) // as the viewer calls it
	token, err := sdjwt.Commit(string(handle), fitted(claims(schema, d.later[side])), signer, &sdjwt.CommitOptions{Slots: slotsFor(schema)})
	if err != nil {
		return err
	}
	bare, err := token.Present()
	if err != nil {
		return err
	}
	d.deal.Shown[viewer].Commitment = bare.Compact()
	g := &d.deal.Pledges[side]
	if g.Schema, err = schemaDigest(schema); err != nil {
		return err
	}
	g.Rules = d.deal.Rules[side]
	disclosures := strings.TrimPrefix(token.Compact(), bare.Compact())
	g.Opens = opensOf(schema)
	sealed, checks, err := x.seal(ctx, &d.Proposal, side, g, disclosures)
	if err != nil {
		return err
	}
	g.Envelope, g.Checks = sealed.Bytes(), checks
	return nil
}

// opensOf gives each claim the first stage that shows it.
func opensOf(s disclosure.Schema) map[string]disclosure.Stage {
	out := map[string]disclosure.Stage{}
	for stage := disclosure.StageEngagement; stage >= disclosure.StageIdentity; stage-- {
		for _, f := range s {
			if f.At(stage) > disclosure.Guarded {
				out[claimOf(&f, stage)] = stage
			}
		}
	}
	return out
}

func schemaDigest(s disclosure.Schema) (disclosure.Digest, error) {
	text, err := json.Marshal(s)
	if err != nil {
		return disclosure.Digest{}, fmt.Errorf("csss: encode the schema: %w", err)
	}
	return disclosure.DigestOf(text), nil
}

func (x *Exchange) seal(ctx context.Context, p *disclosure.Proposal, side disclosure.Side, g *pledge, disclosures string) (envelope.Envelope, envelope.Checks, error) {
	var holders envelope.Holders
	for role, key := range map[envelope.Role]*envelope.PublicKey{
		envelope.Party: &holders.Party, envelope.Employer: &holders.Employer, envelope.Operator: &holders.Operator} {
		var err error
		if *key, err = x.keys.PublicKey(ctx, holderOf(p, side, role)); err != nil {
			return envelope.Envelope{}, envelope.Checks{}, err
		}
	}
	identity := disclosure.NewIdentity(disclosure.IdentityData{Proof: disclosures})
	return envelope.SealChecked(identity, holders, scopeOf(p, side, g), &envelope.Options{MinBlock: pledgeBlock})
}

func holderOf(p *disclosure.Proposal, side disclosure.Side, role envelope.Role) Holder {
	party := p.Parties[side]
	switch role {
	case envelope.Party:
		return Holder{Role: role, Firm: party.Firm, Person: party.Actor}
	case envelope.Employer:
		return Holder{Role: role, Firm: party.Firm}
	default:
		return Holder{Role: role}
	}
}

// scopeOf is what a side's envelope is sealed for.
func scopeOf(p *disclosure.Proposal, side disclosure.Side, g *pledge) envelope.Scope {
	listing := fmt.Sprintf("%x#%d", disclosure.DigestOf([]byte("offer/"+p.Offer)), p.OfferRevision)
	if side == disclosure.Demand {
		listing = fmt.Sprintf("%x#%d", disclosure.DigestOf([]byte("need/"+p.Need)), p.NeedRevision)
	}
	rules := g.Rules
	if rules.IsZero() {
		rules = disclosure.DigestOf(nil) // a firm without rules
	}
	return envelope.Scope{Listing: listing, Schema: g.Schema, Policy: rules, Session: string(p.Session)}
}

// A handing is what a consent of a side hands over, and after the reveal a view
// opens: everything of it but the keys.
type handing struct {
	envelope   envelope.Envelope
	scope      envelope.Scope
	party      Holder
	employer   Holder
	shares     [2][]byte // of the party and the employer, as handed over
	commitment string    // as the other side was shown it
	checks     envelope.Checks
	opens      map[string]disclosure.Stage
	called     disclosure.Handle // the side, by the other
	found      bool              // the session has commitments
}

// handing collects a side's. x.mu is held.
func (st *state) handing(ss *sessionState, side disclosure.Side) (h handing, err error) {
	g := &ss.deal.Pledges[side]
	if len(g.Envelope) == 0 {
		return h, nil
	}
	p := &ss.state.Proposal
	if h.envelope, err = envelope.Parse(g.Envelope); err != nil {
		return h, ErrShare
	}
	shown := ss.deal.Shown[side.Other()]
	if shown.digest() != p.Summaries[side.Other()] {
		return h, sdjwt.ErrCommitment
	}
	h.scope, h.shares, h.commitment, h.found = scopeOf(p, side, g), ss.shares[side], shown.Commitment, true
	h.checks, h.opens = g.Checks, g.Opens
	h.party, h.employer = holderOf(p, side, envelope.Party), holderOf(p, side, envelope.Employer)
	h.called = disclosure.HandleOf(p.Session, side)
	return h, nil
}

// handOver opens one holder's share and seals it to the exchange: what a consent
// brings along. Without commitments it is nothing.
//
// Errors: ErrShare and ctx's.
func (x *Exchange) handOver(ctx context.Context, h handing, role envelope.Role) ([]byte, error) {
	if !h.found {
		return nil, nil
	}
	holder, check := h.party, h.checks.Party
	if role == envelope.Employer {
		holder, check = h.employer, h.checks.Employer
	}
	share, err := envelope.OpenShare(ctx, h.envelope, h.scope, role, opener{x.keys, holder})
	if err != nil {
		return nil, cmp.Or(ctx.Err(), ErrShare)
	}
	defer share.Wipe()
	if share.Check() != check {
		return nil, ErrShare // who keeps the key gave another share, to be seen and to see
	}
	hand, err := x.hand()
	if err != nil {
		return nil, ErrShare
	}
	handed, err := share.HandTo(hand.Public())
	if err != nil {
		return nil, ErrShare
	}
	return handed, nil
}

func (x *Exchange) hand() (envelope.PrivateKey, error) {
	seed, ok := x.seed(exchangeSubject)
	if !ok {
		return envelope.PrivateKey{}, ErrShare
	}
	return handOf(seed)
}

// consentShare is what the caller's consent hands over; nothing where the
// consent is not the caller's to give, which the session then says.
func (x *Exchange) consentShare(ctx context.Context, by By, h disclosure.Handle, role envelope.Role) ([]byte, error) {
	x.mu.RLock()
	ref, ss, _, err := x.st.side(by.withDefaults(), h)
	if err != nil {
		x.mu.RUnlock()
		return nil, nil // the step has the words for it
	}
	party := ss.state.Proposal.Parties[ref.side]
	_, again := x.st.takenAt(ref.session, by)
	g, err := x.st.handing(ss, ref.side)
	x.mu.RUnlock()
	if err != nil || again || role == envelope.Party && party.Actor != by.Person {
		return nil, err
	}
	return x.handOver(ctx, g, role)
}

// An approval by the rules alone is nobody's step, so the party's opt-in brings
// the employer's share along. Where the employer's key was away then, or the
// rules came to approve later, [Exchange.Tick] asks for it. It is never asked in
// the other side's step: that would tell that this side has consented.

// handedSize is the length of a share that is handed over.
const handedSize = 82

// ruledShare is the own employer's share, where its rules alone approve now;
// nothing if they do not, or its key is away.
func (x *Exchange) ruledShare(ctx context.Context, session disclosure.SessionID, side disclosure.Side, now time.Time) []byte {
	x.mu.RLock()
	ss := x.st.sessions[session]
	if ss == nil || ss.shares[side][1] != nil {
		x.mu.RUnlock()
		return nil
	}
	v, err := x.st.verdict(&disclosure.AuthRequest{Session: ss.state, Side: side, Action: disclosure.ActReveal, Votes: standingVotes(&ss.state, side, now), Now: now})
	h, failed := x.st.handing(ss, side)
	x.mu.RUnlock()
	if err != nil || failed != nil || !v.Auto {
		return nil
	}
	share, err := x.handOver(ctx, h, envelope.Employer)
	if err != nil || len(share) != handedSize {
		return nil
	}
	return share
}

// bringing marks a step that brings an employer's share for a side.
type bringing struct{}

// handedOver reports whether the shares of both employers are there, or come with
// the step.
func (ss *sessionState) handedOver(ctx context.Context, s *disclosure.State) bool {
	for side := range disclosure.Side(2) {
		comes := ctx.Value(bringing{}) == any(side)
		if len(ss.deal.Pledges[side].Envelope) > 0 && ss.shares[side][1] == nil && len(s.Sides[side].Votes) == 0 && !comes {
			return false
		}
	}
	return true
}

// pledgeHanded is a ruled share that was asked for outside of a step.
type pledgeHanded struct {
	Session disclosure.SessionID `json:"session"`
	Side    disclosure.Side      `json:"side"`
	Share   []byte               `json:"share"`
}

func (*pledgeHanded) kind() string { return "pledge.handed" }

func (ev *pledgeHanded) fold(st *state, _ ledger.Entry) {
	if ss := st.sessions[ev.Session]; ss != nil && ev.Side <= disclosure.Demand {
		ss.shares[ev.Side][1] = ev.Share
	}
}

// askForShares asks the keys of employers whose rules alone approve sessions
// that their parties have opted into.
func (x *Exchange) askForShares(ctx context.Context, now time.Time) error {
	type place struct {
		session disclosure.SessionID
		side    disclosure.Side
		firm    string
	}
	var missing []place
	x.mu.RLock()
	for _, id := range x.st.openSessions() {
		ss := x.st.sessions[id]
		for side := range disclosure.Side(2) {
			if ss.state.Phase == disclosure.Summarised && ss.state.Sides[side].Choice == disclosure.ChoiceIn &&
				len(ss.deal.Pledges[side].Envelope) > 0 && ss.shares[side][1] == nil && len(ss.state.Sides[side].Votes) == 0 {
				missing = append(missing, place{id, side, ss.state.Proposal.Parties[side].Firm})
			}
		}
	}
	x.mu.RUnlock()
	for _, m := range missing {
		share := x.ruledShare(ctx, m.session, m.side, now)
		if share == nil {
			continue
		}
		ev := event{stream: "pledge/" + string(m.session), body: &pledgeHanded{m.session, m.side, share}, subjects: []string{m.firm}}
		x.mu.Lock()
		err := x.commit(ctx, By{ID: fmt.Sprint("pledge/", m.session, "/", m.side)}, "", now, []event{ev})
		x.mu.Unlock()
		if err != nil && !errors.Is(err, ledger.ErrConflict) { // which the next Tick sees
			return err
		}
	}
	return ctx.Err()
}

// disclosed is what a stage shows of a side, after the reveal: the fields of its
// identity, and those of its listing.
type disclosed struct {
	identity disclosure.IdentityData
	details  disclosure.Values
}

// open opens what a side has pledged, as far as a stage goes, and holds it
// against the commitment that the other side was shown.
//
// Errors: ErrShare, those of sdjwt.Open, and ctx's.
func (x *Exchange) open(ctx context.Context, h handing, stage disclosure.Stage) (out disclosed, err error) {
	disclosures, err := x.combine(ctx, h)
	if err != nil {
		return out, err
	}
	token, err := sdjwt.Parse(h.commitment + disclosures)
	if err != nil {
		return out, err
	}
	paths, err := pathsAt(token, h.opens, stage)
	if err != nil {
		return out, err
	}
	if token, err = token.Present(paths...); err != nil {
		return out, err
	}
	out.identity.Proof = token.Compact()
	bare, err := sdjwt.Parse(h.commitment)
	if err != nil {
		return out, err
	}
	shown, err := sdjwt.Open(out.identity.Proof, bare.Digest(), string(h.called), x.CommitmentKey(), nil)
	if err != nil {
		return out, err
	}
	out.details = disclosure.Values{}
	for name, value := range shown {
		out.put(name, value)
	}
	return out, nil
}

// combine brings the three shares together.
func (x *Exchange) combine(ctx context.Context, h handing) (string, error) {
	hand, err := x.hand()
	if err != nil {
		return "", err
	}
	var shares [3]envelope.Share
	for i, role := range []envelope.Role{envelope.Party, envelope.Employer, envelope.Operator} {
		if role == envelope.Operator {
			shares[i], err = envelope.OpenShare(ctx, h.envelope, h.scope, role, opener{x.keys, Holder{Role: role}})
		} else {
			shares[i], err = envelope.Receive(ctx, h.envelope, h.scope, role, h.shares[i], hand)
		}
		if err != nil {
			return "", cmp.Or(ctx.Err(), ErrShare)
		}
		defer shares[i].Wipe()
	}
	identity, err := envelope.Combine(h.envelope, h.scope, shares[:]...)
	if err != nil {
		return "", ErrShare
	}
	return identity.Open().Proof, nil
}

// pathsAt are the disclosures of a commitment that a stage opens.
func pathsAt(token *sdjwt.SDJWT, opens map[string]disclosure.Stage, stage disclosure.Stage) ([]string, error) {
	open := map[string]bool{}
	for claim, from := range opens {
		open[sdjwt.Path(claim)] = stage >= from
	}
	all, err := token.Disclosures()
	if err != nil {
		return nil, err
	}
	var paths []string
	for _, d := range all {
		if open[d.Path()] {
			paths = append(paths, d.Path())
		}
	}
	return paths, nil
}

// put sorts a claim that was shown.
func (o *disclosed) put(name string, value any) {
	if of := identityFields[name]; of != nil {
		*of(&o.identity), _ = value.(string)
		return
	}
	list, _ := value.([]any)
	for _, v := range list {
		if text, ok := v.(string); ok {
			o.details[name] = append(o.details[name], text)
		}
	}
}

// shareOf notes what a consent has handed over, and forgets it when the consent
// is taken back.
func (ss *sessionState) shareOf(ev *disclosure.Event) {
	switch shares := &ss.shares[min(ev.Side, disclosure.Demand)]; {
	case ev.Kind == disclosure.OptIn && len(ev.Share) == 2*handedSize:
		shares[0], shares[1] = ev.Share[:handedSize], ev.Share[handedSize:]
	case ev.Kind == disclosure.OptIn && len(ev.Share) > 0:
		shares[0] = ev.Share
	case ss.state.RevealedAt.IsZero() && (ev.Kind == disclosure.OptOut || ev.Kind == disclosure.Withdraw):
		shares[0] = nil
	case ev.Kind == disclosure.Authorize && len(ev.Share) > 0:
		shares[1] = ev.Share
	}
}
