package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"time"

	"github.com/deeperpoint/csss"
	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/internal/teller"
	"github.com/deeperpoint/csss/internal/world"
	"github.com/deeperpoint/csss/policy"
)

// authority shows who may decide for the shop, beside its owner: rules under
// the shop's own key, a grant that skips the approval, and a delegate.
func (t *story) authority() error {
	t.Head("Who may say yes for the shop is the shop's to say.")
	if err := t.signRules(); err != nil {
		return err
	}
	h, err := t.meetSecondBuyer()
	if err != nil {
		return err
	}
	if err := t.grantAndRevoke(h); err != nil {
		return err
	}
	return t.standIn(h)
}

// signRules lets the release of hours be handed on, in version 8 of the rules.
func (t *story) signRules() error {
	public, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	firm := t.s.Vance.Firm
	_, err = t.X.PinKeys(t.Ctx, t.As(t.s.Owner), firm, csss.Pins{Keys: []policy.Key{{Employer: firm, Public: public}}})
	if err != nil {
		return err
	}
	bundle, err := policy.SignBundle(nil, policy.Source{Name: "version 8", Text: t.versionEight()}, t.Now, t.Now.Add(24*time.Hour), key)
	if err != nil {
		return err
	}
	if _, err := t.X.ApplyBundle(t.Ctx, t.As(t.s.Vance), firm, bundle); err != nil {
		return err
	}
	t.Say("  Version %d of its rules is in force, signed; a release may be handed on now.", bundle.Version)
	_, again := t.X.ApplyBundle(t.Ctx, t.As(t.s.Vance), firm, bundle)
	t.Say("  The same bundle once more: %v", again)
	return teller.Told(errors.Is(again, policy.ErrBundleOlder), "the bundle")
}

func (t *story) versionEight() []byte {
	for _, doc := range t.s.Policies {
		if doc.Firm == t.s.Vance.Firm {
			text := bytes.Replace(doc.Text, []byte("version: 7"), []byte("version: 8"), 1)
			return bytes.Replace(text, []byte("expires: 72h}"), []byte("expires: 72h, delegation: {depth: 1}}"), 1)
		}
	}
	return nil
}

// meetSecondBuyer brings the second buyer to where the shop's release alone is
// missing, and returns the shop's handle.
func (t *story) meetSecondBuyer() (h disclosure.Handle, err error) {
	if _, err := t.X.Select(t.Ctx, t.As(t.s.Buyer), t.second); err != nil {
		return h, err
	}
	tasks, err := t.X.Inbox(t.Ctx, t.As(t.s.Vance))
	if err != nil {
		return h, err
	}
	for _, task := range tasks {
		if task.Kind == csss.Invitation {
			h = task.Handle
		}
	}
	_, err1 := t.X.OptIn(t.Ctx, t.As(t.s.Buyer), t.second)
	_, err2 := t.X.Approve(t.Ctx, t.As(t.s.BuyerDirector), t.second, "")
	return h, errors.Join(err1, err2)
}

// grantAndRevoke pre-approves what the owner would be asked, and takes it back.
func (t *story) grantAndRevoke(h disclosure.Handle) error {
	before, err := t.waitFor(t.s.Owner, h)
	if err != nil {
		return err
	}
	_, err = t.X.IssueGrant(t.Ctx, t.As(t.s.Owner), policy.Grant{ID: "standing-release", Role: "operations_director", May: []string{"reveal", "engage"},
		Categories: []string{"machine.capacity.shift2"}, Discharges: []string{"shift2-release"}, Until: t.Now.AddDate(0, 3, 0),
		Bounds: []policy.Bound{{Attr: "request.total", Op: policy.AtMost, Value: int64(320 * time.Hour)}}})
	if err != nil {
		return err
	}
	granted, err := t.waitFor(t.s.Owner, h)
	if err != nil {
		return err
	}
	t.Say("  The second buyer waits for %d approval of the owner's. A grant pre-approves up to 320 h: now for %d.", len(before), len(granted))
	if _, err := t.X.RevokeGrant(t.Ctx, t.As(t.s.Owner), "standing-release"); err != nil {
		return err
	}
	after, err := t.waitFor(t.s.Owner, h)
	if err != nil {
		return err
	}
	t.Say("  The grant is taken back: for %d again.", len(after))
	return teller.Told(len(before) == 1 && len(granted) == 0 && len(after) == 1, "the grant")
}

// waitFor are the approvals of a session that wait for a person.
func (t *story) waitFor(w world.Who, h disclosure.Handle) (list []csss.Task, err error) {
	tasks, err := t.X.Inbox(t.Ctx, t.As(w))
	for _, task := range tasks {
		if task.Kind == csss.Approval && task.Handle == h {
			list = append(list, task)
		}
	}
	return list, err
}

// standIn lets the shift lead approve in the owner's place.
func (t *story) standIn(h disclosure.Handle) error {
	if _, err := t.X.OptIn(t.Ctx, t.As(t.s.Vance), h); err != nil {
		return err
	}
	_, alone := t.X.Approve(t.Ctx, t.As(t.s.ShiftLead), h, "shift2-release")
	t.Say("  The shift lead tries to release the hours: %v", alone)
	_, err := t.X.Delegate(t.Ctx, t.As(t.s.Owner), csss.HandOver{ID: "owner-away", To: t.s.ShiftLead.Person, Requirement: "shift2-release", Until: t.Now.AddDate(0, 0, 14)})
	if err != nil {
		return err
	}
	tasks, err := t.waitFor(t.s.ShiftLead, h)
	if err != nil {
		return err
	}
	if err := teller.Told(len(tasks) == 1 && errors.Is(alone, csss.ErrNotYours), "the delegate"); err != nil {
		return err
	}
	if _, err := t.X.Approve(t.Ctx, t.As(t.s.ShiftLead), h, "shift2-release"); err != nil {
		return err
	}
	st, err := t.X.Status(t.Ctx, t.As(t.s.Vance), h)
	if err != nil {
		return err
	}
	t.Say("  The owner hands it over for two weeks: the shift lead finds it in the inbox, under %q, and approves: %s.", tasks[0].Under, st.Phase)
	return teller.Told(st.Phase == disclosure.Revealed, "the delegate's vote")
}
