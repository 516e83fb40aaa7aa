package csss_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss"
	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/internal/world"
	"github.com/deeperpoint/csss/ledger"
	"github.com/deeperpoint/csss/match"
)

// erasure is an erasure in a revealed deal on a directory, and what the
// directory held of the subject before it.
type erasure struct {
	*deal
	dir      string
	tokens   []string // of the subject, beside its id, which is a pseudonym
	receipts [][]byte
	trail    csss.Trail
	payloads [][]byte // ciphertexts of the subject's entries
}

func erasing(t *testing.T, subject string, tokens []string) *erasure {
	t.Helper()
	e := &erasure{dir: t.TempDir(), tokens: tokens}
	e.deal = newDeal(t, csss.Config{Dir: e.dir})
	e.must(e.loading()...)
	e.must(e.meeting()...)
	e.must(e.consents()...)
	e.must(e.views()...)
	var err error
	e.trail, err = e.x.Trail(background, e.s.Requester.At(e.at), e.demand)
	require.NoError(t, err)
	for _, step := range e.trail.Steps {
		e.receipts = append(e.receipts, step.Receipt)
	}
	proof, err := e.x.ExportReceipt(background, e.s.Vance.At(e.at), e.supply)
	require.NoError(t, err)
	e.receipts = append(e.receipts, proof)

	require.NoError(t, e.x.Close())
	read := e.plain()
	for _, token := range tokens {
		require.Contains(t, read, token, "the log holds it before")
	}
	e.payloads = e.ciphertexts(subject)
	require.NotEmpty(t, e.payloads)
	for _, p := range e.payloads {
		require.True(t, e.onDisk(p), "a payload lies in the directory before")
	}
	e.open(csss.Config{Dir: e.dir})
	return e
}

// plain is everything that the holder of the directory and of its keys can
// still read.
func (e *erasure) plain() string {
	e.Helper()
	var b strings.Builder
	for _, entry := range entriesOf(e.T, e.dir) {
		b.WriteString(everyForm(entry))
		b.Write(entry.Payload)
	}
	return b.String()
}

// ciphertexts are the stored payloads of a subject's entries.
func (e *erasure) ciphertexts(subject string) [][]byte {
	e.Helper()
	mine := map[uint64]bool{}
	entries := entriesOf(e.T, e.dir)
	for _, entry := range entries {
		for _, s := range entry.Subjects {
			mine[entry.Index] = mine[entry.Index] || s == subject
		}
	}
	store, err := ledger.OpenDirStore(e.dir, nil)
	require.NoError(e, err)
	defer store.Close()
	_, err = store.Recover(background)
	require.NoError(e, err)
	var out [][]byte
	for frame, err := range store.Read(background, 0, uint64(len(entries))) {
		require.NoError(e, err)
		if mine[frame.Index] {
			out = append(out, bytes.Clone(frame.Payload))
		}
	}
	return out
}

// onDisk reports whether any file of the directory holds these bytes.
func (e *erasure) onDisk(text []byte) (found bool) {
	e.Helper()
	require.NoError(e, filepath.WalkDir(e.dir, func(path string, f fs.DirEntry, err error) error {
		if err != nil || f.IsDir() {
			return err
		}
		file, err := os.ReadFile(path)
		found = found || bytes.Contains(file, text)
		return err
	}))
	return found
}

// gone checks what an erasure leaves: nothing of the subject in the directory,
// in any view, in the state after reopening; and all the proofs.
func (e *erasure) gone() {
	e.Helper()
	e.sound()
	key := e.x.VerifierKey()
	views := e.everything()
	digest := e.digest()
	require.NoError(e, e.x.Close())
	read := e.plain()
	for _, token := range e.tokens {
		assert.NotContains(e, views, token, "in a view")
		assert.NotContains(e, read, token, "in the log")
		assert.False(e, e.onDisk([]byte(token)), "%q lies in the directory", token)
	}
	for _, p := range e.payloads {
		require.False(e, e.onDisk(p), "a payload still lies in the directory")
	}
	for _, r := range e.receipts {
		_, err := ledger.VerifyReceipt(r, key)
		require.NoError(e, err)
	}
	require.NoError(e, e.trail.Verify(key), "the trail as it was exported")
	e.open(csss.Config{Dir: e.dir})
	require.Equal(e, digest, e.digest(), "after reopening")
	e.sound()
	found, err := e.x.Verify(background)
	require.NoError(e, err)
	require.Equal(e, uint64(len(e.payloads)), found.Erased)
}

// everything is what all people of both sides can read.
func (e *erasure) everything() string {
	e.Helper()
	var b strings.Builder
	for _, who := range []world.Who{e.s.Requester, e.s.Director, e.s.Proprietor, e.s.Vance, e.s.Owner, e.s.ShiftLead, e.s.Buyer} {
		by := who.At(e.at)
		tasks, err := e.x.Inbox(background, by)
		b.WriteString(everyForm(tasks) + everyForm(err))
		for _, h := range []disclosure.Handle{e.demand, e.supply} {
			s, err := e.x.Status(background, by, h)
			b.WriteString(everyForm(s) + everyForm(err))
			trail, err := e.x.Trail(background, by, h)
			b.WriteString(everyForm(trail) + everyForm(err))
			for stage := disclosure.StageSummary; stage <= disclosure.StageEngagement; stage++ {
				v, err := e.x.View(background, by, h, stage)
				b.WriteString(everyForm(v) + everyForm(v.Identity.Open()) + everyForm(err))
			}
		}
		m, err := e.x.Candidates(by, e.s.Need.ID)
		b.WriteString(everyForm(m) + everyForm(err))
		misses, err := e.x.NearMisses(background, by, e.s.Offer)
		b.WriteString(everyForm(misses) + everyForm(err))
		p, err := e.x.Preview(by, e.s.Offer)
		b.WriteString(everyForm(p) + everyForm(err))
	}
	return b.String()
}

// personOf finds the record of somebody in the story.
func personOf(s *world.SecondShift, who world.Who) csss.Person {
	for _, f := range s.Firms {
		for _, p := range f.People {
			if p.ID == who.Person {
				return p
			}
		}
	}
	return csss.Person{}
}

// A person who was revealed can be erased: from the views, from the state, and
// from every byte of the directory; what was proved stays proved.
func TestErasePerson(t *testing.T) {
	p := personOf(world.K3Story2(), world.K3Story2().Vance)
	e := erasing(t, p.ID, []string{p.Name, p.Email, "Vance"}) // the telephone is the firm's
	by := csss.By{ID: "erase", At: e.at}
	r, err := e.x.Erase(background, by, p.ID, "asked for it")
	require.NoError(t, err)
	assert.False(t, r.Duplicate)

	_, err = e.x.View(background, e.s.Requester.At(e.at), e.demand, disclosure.StageIdentity)
	require.ErrorIs(t, err, csss.ErrErased)
	_, err = e.x.View(background, e.s.Requester.At(e.at), e.supply, disclosure.StageIdentity)
	require.ErrorIs(t, err, csss.ErrNotFound, "the other side's handle opens nothing, as ever")
	_, err = e.x.View(background, e.s.Vance.At(e.at), e.supply, disclosure.StageIdentity)
	require.Error(t, err, "who was erased is nobody any more")
	_, err = e.x.Publish(background, e.s.Vance.At(e.at), e.s.Capable)
	require.ErrorIs(t, err, csss.ErrNotYours)

	size := e.x.Size()
	again, err := e.x.Erase(background, by, p.ID, "asked for it")
	require.NoError(t, err)
	assert.True(t, again.Duplicate, "once is enough")
	assert.Equal(t, size, e.x.Size())
	_, err = e.x.Erase(background, csss.By{At: e.at}, p.ID, "asked again")
	require.ErrorIs(t, err, csss.ErrNotFound, "under another id there is nobody left")
	e.gone()
	_, err = e.x.View(background, e.s.Requester.At(e.at), e.demand, disclosure.StageIdentity)
	require.ErrorIs(t, err, csss.ErrErased, "after reopening")
}

// A firm can be erased with its rules and needs. Its people are entries of
// their own; without the firm they are nobody.
func TestEraseFirm(t *testing.T) {
	s := world.K3Story2()
	var firm csss.Firm
	for _, f := range s.Firms {
		if f.ID == s.Requester.Firm {
			firm = f
		}
	}
	e := erasing(t, firm.ID, []string{firm.LegalName, firm.Sites[0].Street, firm.Sites[0].PostalCode, firm.Sites[0].ID})
	_, err := e.x.Erase(background, csss.By{At: e.at}, firm.ID, "wound up")
	require.NoError(t, err)
	_, err = e.x.View(background, e.s.Vance.At(e.at), e.supply, disclosure.StageIdentity)
	require.ErrorIs(t, err, csss.ErrErased)
	for name, do := range map[string]func() error{
		"Register": func() error { return failed(e.x.Register(background, e.s.Requester.At(e.at), e.s.Need)) },
		"Publish":  func() error { return failed(e.x.Publish(background, e.s.Director.At(e.at), e.s.Capable)) },
		"Match": func() error {
			_, err := e.x.Match(background, e.s.Requester.At(e.at), e.s.Need.ID)
			return err
		},
		"AcceptTerms": func() error {
			return failed(e.x.AcceptTerms(background, e.s.Requester.At(e.at), e.demand, disclosure.Digest{}))
		},
		"Approve": func() error { return failed(e.x.Approve(background, e.s.Director.At(e.at), e.demand, "spend")) },
		"Inbox": func() error {
			_, err := e.x.Inbox(background, e.s.Requester.At(e.at))
			return err
		},
		"RegisterFirm": func() error { return failed(e.x.RegisterFirm(background, csss.By{At: e.at}, firm)) },
	} {
		digest := e.digest()
		require.Error(t, do(), name)
		require.Equal(t, digest, e.digest(), name)
	}
	_, err = e.x.Tick(background, e.at.AddDate(0, 0, 40))
	require.NoError(t, err, "deadlines of its sessions pass")
	e.at = e.at.AddDate(0, 0, 40)
	e.gone()

	// The shop goes on without it.
	left, err := e.x.Remaining(e.s.Vance.At(e.at), e.s.Offer)
	require.NoError(t, err)
	require.Equal(t, 368*match.Hour, left)
}

// Erased before the reveal, a person can no longer be revealed, and the other
// side reads what it would read of silence.
func TestErasePersonBeforeTheReveal(t *testing.T) {
	d := newDeal(t, csss.Config{})
	d.must(d.loading()...)
	d.must(d.meeting()...)
	d.must(d.consents()[1:]...) // all but the requester's opt-in
	before := d.demandTold()
	_, err := d.x.Erase(background, csss.By{At: d.at}, d.s.Vance.Person, "asked for it")
	require.NoError(t, err)
	same(t, before, d.demandTold(), "the integrator reads of the erasure")
	d.must(d.consents()[0])
	d.sound()
	for _, wait := range []time.Duration{0, time.Hour, 24 * time.Hour, 31 * 24 * time.Hour} {
		d.at = d.at.Add(wait)
		_, err := d.x.Tick(background, d.at)
		require.NoError(t, err)
		require.False(t, d.opens(d.s.Requester, d.demand))
	}
	s, err := d.x.Status(background, d.s.Requester.At(d.at), d.demand)
	require.NoError(t, err)
	require.Equal(t, disclosure.Closed, s.Phase)
}

// An expert who offered herself is erased with her offer and her sessions; the
// firm that asked her keeps its proofs.
func TestEraseOfferedPerson(t *testing.T) {
	s := world.K3Story1()
	p := inSmall(t, &s.World)
	p.now = s.Registered()
	r, err := p.x.Register(t.Context(), p.as(s.Petrov), s.Need)
	p.ok(s.Petrov, r, err)
	m, err := p.x.Match(t.Context(), p.as(s.Petrov), s.Need.ID)
	require.NoError(t, err)
	h := m.Candidates[0].Handle
	r, err = p.x.Select(t.Context(), p.as(s.Petrov), h)
	p.ok(s.Petrov, r, err)
	invited := p.inbox(s.Expert, csss.Invitation)
	require.Len(t, invited, 1)
	for _, step := range []func() (csss.Receipt, error){
		func() (csss.Receipt, error) { return p.x.OptIn(t.Context(), p.as(s.Petrov), h) },
		func() (csss.Receipt, error) { return p.x.Approve(t.Context(), p.as(s.Brandt), h, "engineering") },
		func() (csss.Receipt, error) { return p.x.OptIn(t.Context(), p.as(s.Expert), invited[0].Handle) },
	} {
		_, err := step()
		require.NoError(t, err)
	}
	p.revealed(s.Expert.Firm, s.Petrov.Firm)
	require.NotNil(t, p.identity(s.Petrov, h))
	receipt, err := p.x.ExportReceipt(t.Context(), p.as(s.Petrov), h)
	require.NoError(t, err)

	_, err = p.x.Erase(t.Context(), csss.By{At: p.now}, s.Expert.Person, "asked for it")
	require.NoError(t, err)
	_, err = p.x.View(t.Context(), p.as(s.Petrov), h, disclosure.StageIdentity)
	require.ErrorIs(t, err, csss.ErrErased)
	_, err = p.x.View(t.Context(), p.as(s.Brandt), invited[0].Handle, disclosure.StageIdentity)
	require.ErrorIs(t, err, csss.ErrNotFound)
	_, err = ledger.VerifyReceipt(receipt, p.x.VerifierKey())
	require.NoError(t, err)
	again, err := p.x.Match(t.Context(), p.as(s.Petrov), s.Need.ID)
	require.NoError(t, err)
	for _, c := range again.Candidates {
		require.NotContains(t, c.Summary, "30+ years", "her offer is gone")
	}
	for _, who := range []world.Who{s.Petrov, s.Brandt} {
		_, err := p.x.Inbox(t.Context(), p.as(who))
		require.NoError(t, err)
	}
	_, err = p.x.Tick(t.Context(), p.now.AddDate(0, 0, 40))
	require.NoError(t, err)
	p.isFold()
	p.verifies()
}

// TestAStepBesideAnErasure: a step reads its side and the session in one state.
// Beside an erasure it is answered as before it or as after it, with nothing
// between.
func TestAStepBesideAnErasure(t *testing.T) {
	d := newDeal(t, csss.Config{})
	story := d.story()
	d.must(story[:len(story)-2]...)
	tooMuch := func() error {
		return failed(d.x.Complete(background, d.s.Requester.At(d.at), d.demand, 10_000*match.Hour))
	}
	before := tooMuch()
	require.ErrorContains(t, before, "were held")
	var steps, begun sync.WaitGroup
	for range 8 {
		begun.Add(1)
		steps.Go(func() {
			err := before
			begun.Done()
			for !errors.Is(err, csss.ErrNotFound) {
				if err = tooMuch(); err.Error() != before.Error() && !errors.Is(err, csss.ErrNotFound) {
					t.Errorf("%v, before the erasure %v", err, before)
				}
			}
		})
	}
	begun.Wait()
	_, err := d.x.Erase(background, csss.By{At: d.at}, d.s.Vance.Firm, "wound up")
	require.NoError(t, err)
	steps.Wait()
}
