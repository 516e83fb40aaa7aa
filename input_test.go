package csss_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss"
	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/disclosure/terms"
	"github.com/deeperpoint/csss/internal/world"
	"github.com/deeperpoint/csss/ledger"
	"github.com/deeperpoint/csss/match"
	"github.com/deeperpoint/csss/policy"
)

// refusal is what a bad input must be answered with: an error of one type or
// kind whose text names the field and, where there is one, the limit.
type refusal func(t *testing.T, err error)

func is(target error) refusal {
	return func(t *testing.T, err error) {
		t.Helper()
		require.ErrorIs(t, err, target)
	}
}

// inputError is a *csss.InputError of a field.
func inputError(field, limit string) refusal {
	return func(t *testing.T, err error) {
		t.Helper()
		e, ok := errors.AsType[*csss.InputError](err)
		require.True(t, ok, "%T: %v", err, err)
		require.Equal(t, field, e.Field)
		require.Contains(t, e.Limit, limit)
		require.Contains(t, e.Error(), field)
	}
}

// fieldError is a *match.FieldError of a field.
func fieldError(field, limit string) refusal {
	return func(t *testing.T, err error) {
		t.Helper()
		e, ok := errors.AsType[*match.FieldError](err)
		require.True(t, ok, "%T: %v", err, err)
		require.Equal(t, field, e.Field)
		require.Contains(t, e.Limit, limit)
		require.Contains(t, e.Error(), field)
	}
}

// stepError is a *disclosure.FieldError of a field.
func stepError(field, want string) refusal {
	return func(t *testing.T, err error) {
		t.Helper()
		e, ok := errors.AsType[*disclosure.FieldError](err)
		require.True(t, ok, "%T: %v", err, err)
		require.Equal(t, field, e.Field)
		require.Contains(t, e.Want, want)
	}
}

// denied is a *csss.DeniedError that names a rule, grant or quota.
func denied(rule, text string) refusal {
	return func(t *testing.T, err error) {
		t.Helper()
		e, ok := errors.AsType[*csss.DeniedError](err)
		require.True(t, ok, "%T: %v", err, err)
		require.ErrorIs(t, err, csss.ErrDenied)
		require.True(t, slices.ContainsFunc(e.Reasons, func(r policy.Reason) bool {
			return strings.HasPrefix(r.Rule, rule) && strings.Contains(r.Text, text)
		}), "%v", err)
		require.Contains(t, err.Error(), rule)
	}
}

// ruleError is a *policy.Errors with a place and a word of the fault.
func ruleError(word string) refusal {
	return func(t *testing.T, err error) {
		t.Helper()
		e, ok := errors.AsType[*policy.Errors](err)
		require.True(t, ok, "%T: %v", err, err)
		require.NotEmpty(t, e.List)
		require.Positive(t, e.List[0].Line)
		require.Equal(t, "rules.yaml", e.List[0].File)
		require.Contains(t, e.Error(), word)
	}
}

// mistake is one bad input.
type mistake struct {
	name string
	do   func(d *deal) error
	want refusal
}

func firmMistakes() []mistake {
	register := func(change func(f *csss.Firm)) func(d *deal) error {
		return func(d *deal) error {
			f := csss.Firm{ID: "newcomer", LegalName: "Newcomer Forge", Sites: []csss.Site{{ID: "s", Zone: world.Zone}}}
			change(&f)
			return failed(d.x.RegisterFirm(background, csss.By{At: d.at}, f))
		}
	}
	return []mistake{
		{"firm without an id", register(func(f *csss.Firm) { f.ID = "" }), inputError("firm.id", "must not be empty")},
		{"firm without a name", register(func(f *csss.Firm) { f.LegalName = "" }), inputError("firm.legal_name", "must not be empty")},
		{"firm without a site", register(func(f *csss.Firm) { f.Sites = nil }), inputError("firm.sites", "at least one")},
		{"NaN coordinates of a site", register(func(f *csss.Firm) { f.Sites[0].At.Lat = math.NaN() }), inputError("firm.sites[0].at", "±90")},
		{"infinite coordinates of a site", register(func(f *csss.Firm) { f.Sites[0].At.Lon = math.Inf(1) }), inputError("firm.sites[0].at", "±180")},
		{"site off the globe", register(func(f *csss.Firm) { f.Sites[0].At.Lat = 91 }), inputError("firm.sites[0].at", "±90")},
		{"unknown zone of a site", register(func(f *csss.Firm) { f.Sites[0].Zone = "Mars/Olympus" }), inputError("firm.sites[0].zone", "IANA")},
		{"no zone of a site", register(func(f *csss.Firm) { f.Sites[0].Zone = "" }), inputError("firm.sites[0].zone", "IANA")},
		{"person twice in a firm", register(func(f *csss.Firm) { f.People = []csss.Person{{ID: "a"}, {ID: "a"}} }), inputError("firm.people[1].id", "unique")},
		{"person whose id shows not all", register(func(f *csss.Firm) { f.People = []csss.Person{{ID: "a\u200b"}} }), inputError("firm.people[0].id", "cannot be seen")},
		{"firm with a space", register(func(f *csss.Firm) { f.ID = "a " }), inputError("firm.id", "space")},
		{"region in another form", register(func(f *csss.Firm) { f.Sites[0].Region = "Que\u0301bec" }), inputError("firm.sites[0].region", "normal form C")},
		{"person without an id", register(func(f *csss.Firm) { f.People = []csss.Person{{}} }), inputError("firm.people[0].id", "present")},
		{"firm that exists", register(func(f *csss.Firm) { f.ID = world.K3Story2().Vance.Firm }), is(csss.ErrExists)},
		{"person that exists elsewhere", register(func(f *csss.Firm) {
			f.People = []csss.Person{{ID: world.K3Story2().Vance.Person}}
		}), is(csss.ErrExists)},
		{"firm registered by a firm", func(d *deal) error {
			return failed(d.x.RegisterFirm(background, d.s.Vance.At(d.at), csss.Firm{}))
		}, is(csss.ErrNotYours)},
	}
}

func offerMistakes() []mistake {
	publish := func(change func(o *match.Offer)) func(d *deal) error {
		return func(d *deal) error {
			o := d.s.Capable
			o.ID, o.Windows, o.Properties = "another", slices.Clone(o.Windows), maps.Clone(o.Properties)
			change(&o)
			return failed(d.x.Publish(background, d.s.Vance.At(d.at), o))
		}
	}
	return []mistake{
		{"offer without an id", publish(func(o *match.Offer) { o.ID = "" }), fieldError("id", "an id")},
		{"NaN coordinates of an offer", publish(func(o *match.Offer) { o.Site.Lat = math.NaN() }), fieldError("site.lat", "-90 to 90")},
		{"window that ends before it starts", publish(func(o *match.Offer) { o.Windows[0].End = "2026-09-14T15:00" }), fieldError("windows[0].end", "after")},
		{"window that ends when it starts", publish(func(o *match.Offer) { o.Windows[0].End = o.Windows[0].Start }), fieldError("windows[0].end", "after")},
		{"unknown zone of a window", publish(func(o *match.Offer) { o.Windows[0].Zone = "Mars/Olympus" }), fieldError("windows[0].zone", "IANA")},
		{"unknown zone of an offer", publish(func(o *match.Offer) { o.Zone = "Mars/Olympus" }), fieldError("zone", "IANA")},
		{"negative hours", publish(func(o *match.Offer) { o.Quantity.Value = -match.Hour }), fieldError("quantity.value", "from 0")},
		{"more hours than there are", publish(func(o *match.Offer) { o.Quantity.Value = math.MaxInt64 }), fieldError("quantity.value", "1e12")},
		{"hours of another unit", publish(func(o *match.Offer) { o.Quantity.Unit = "fortnight" }), fieldError("quantity.unit", "h or m2")},
		{"floor without a currency", publish(func(o *match.Offer) { o.Currency = "" }), fieldError("currency", "three")},
		{"currency that is none", publish(func(o *match.Offer) { o.Currency = "dollars" }), fieldError("currency", "three")},
		{"currency that the rules do not speak of", publish(func(o *match.Offer) { o.Currency = "USD" }), denied("grant:ops-second-shift", "")},
		{"negative floor", publish(func(o *match.Offer) { o.Floor = match.NewBound(-1) }), fieldError("floor", "0 to 1e12")},
		{"negative number of machines", publish(func(o *match.Offer) { o.Units = -1 }), fieldError("units", "0 to")},
		{"unknown kind", publish(func(o *match.Offer) { o.Kind = "wizardry" }), fieldError("kind", "machine_capacity")},
		{"category in capitals", publish(func(o *match.Offer) { o.Category = "Machine" }), fieldError("category", "lower-case")},
		{"person of another firm", publish(func(o *match.Offer) { o.Person = world.K3Story2().Requester.Person }), inputError("offer.person", "of the firm")},
		{"offer that exists", publish(func(o *match.Offer) { o.ID = world.K3Story2().Offer }), is(csss.ErrExists)},
		{"offer of an unknown person", func(d *deal) error {
			return failed(d.x.Publish(background, csss.By{Firm: d.s.Vance.Firm, Person: "nobody", At: d.at}, d.s.Capable))
		}, is(csss.ErrNotYours)},
		{"offer by a person for another firm", func(d *deal) error {
			return failed(d.x.Publish(background, csss.By{Firm: d.s.Requester.Firm, Person: d.s.Vance.Person, At: d.at}, d.s.Capable))
		}, is(csss.ErrNotYours)},
		{"offer of an unknown firm", func(d *deal) error {
			return failed(d.x.Publish(background, csss.By{Firm: "nobody", Person: d.s.Vance.Person, At: d.at}, d.s.Capable))
		}, is(csss.ErrNotYours)},
		{"revision of another firm's offer", func(d *deal) error {
			return failed(d.x.Revise(background, d.s.Requester.At(d.at), d.s.Capable))
		}, is(csss.ErrNotFound)},
		{"withdrawal of what is not there", func(d *deal) error {
			return failed(d.x.Withdraw(background, d.s.Vance.At(d.at), "nothing"))
		}, is(csss.ErrNotFound)},
	}
}

func needMistakes() []mistake {
	register := func(change func(n *match.Need)) func(d *deal) error {
		return func(d *deal) error {
			n := d.s.Need
			n.ID, n.Requires = "another", slices.Clone(n.Requires)
			change(&n)
			return failed(d.x.Register(background, d.s.Requester.At(d.at), n))
		}
	}
	return []mistake{
		{"need without a quantity", register(func(n *match.Need) { n.Quantity.Value = 0 }), fieldError("quantity.value", "")},
		{"negative hours needed", register(func(n *match.Need) { n.Quantity.Value = -50 * match.Hour }), fieldError("quantity.value", "from 0")},
		{"need that ends before it begins", register(func(n *match.Need) { n.Until = n.From.Add(-time.Hour) }), fieldError("until", "after")},
		{"need of twenty years", register(func(n *match.Need) { n.Until = n.From.AddDate(20, 0, 0) }), fieldError("until", "10 years")},
		{"unknown zone of a need", register(func(n *match.Need) { n.Zone = "Mars/Olympus" }), fieldError("zone", "IANA")},
		{"NaN radius", register(func(n *match.Need) { n.RadiusKM = math.NaN() }), fieldError("radius_km", "0 to")},
		{"NaN coordinates of a need", register(func(n *match.Need) { n.Site = match.Point{Lat: 43, Lon: math.NaN()} }), fieldError("site.lon", "-180 to 180")},
		{"NaN in a requirement", register(func(n *match.Need) { n.Requires[2].Value = math.NaN() }), fieldError("requires[2].value", "")},
		{"unknown relation", register(func(n *match.Need) { n.Requires[0].Op = "rhymes_with" }), fieldError("requires[0].op", "")},
		{"ceiling without a currency", register(func(n *match.Need) { n.Currency = "" }), fieldError("currency", "three")},
		{"need that exists", func(d *deal) error {
			return failed(d.x.Register(background, d.s.Requester.At(d.at), d.s.Need))
		}, is(csss.ErrExists)},
		{"need that the own rules do not know", register(func(n *match.Need) { n.Governance = "demand.spaceflight" }), denied("default-deny", "")},
		{"need of an unknown person", func(d *deal) error {
			return failed(d.x.Register(background, csss.By{Firm: d.s.Requester.Firm, Person: "nobody", At: d.at}, d.s.Need))
		}, is(csss.ErrNotYours)},
		{"match of another firm's need", func(d *deal) error {
			_, err := d.x.Match(background, d.s.Vance.At(d.at), d.s.Need.ID)
			return err
		}, is(csss.ErrNotFound)},
		{"negative usage", func(d *deal) error {
			return failed(d.x.ReportUsage(background, d.s.Vance.At(d.at), "", "machine", "2026-W38", -match.Hour))
		}, inputError("usage.hours", "1 to 1e12")},
		{"week that is none", func(d *deal) error {
			return failed(d.x.ReportUsage(background, d.s.Vance.At(d.at), "", "machine", "2026-38", match.Hour))
		}, inputError("usage.week", "ISO week")},
		{"usage of an unknown person", func(d *deal) error {
			return failed(d.x.ReportUsage(background, d.s.Vance.At(d.at), "nobody", "machine", "2026-W38", match.Hour))
		}, inputError("usage.person", "of the firm")},
		{"comparable below zero", func(d *deal) error {
			return failed(d.x.RecordComparables(background, csss.By{At: d.at}, "machine", 100, -5))
		}, inputError("comparables[1]", "1 to 1e12")},
		{"no comparables", func(d *deal) error {
			return failed(d.x.RecordComparables(background, csss.By{At: d.at}, "machine"))
		}, inputError("comparables", "at least one")},
	}
}

func ruleMistakes() []mistake {
	rules := func(change func(text string) string) func(d *deal) error {
		return func(d *deal) error {
			firm := d.s.Vance.Firm
			text := strings.ReplaceAll(string(d.policyOf(firm)), "version: 7", "version: 8")
			changed := change(text)
			if changed == text {
				return errors.New("the document reads otherwise")
			}
			return failed(d.x.SetPolicy(background, csss.By{At: d.at}, firm, "rules.yaml", []byte(changed)))
		}
	}
	swap := func(old, with string) func(string) string {
		return func(text string) string { return strings.Replace(text, old, with, 1) }
	}
	return []mistake{
		{"unknown field in a rule file", rules(swap("zone:", "timezone: UTC\nzone:")), ruleError("timezone")},
		{"unknown field in a rule", rules(swap("effect: permit,", "effect: permit, wish: true,")), ruleError("wish")},
		{"unknown zone in a rule file", rules(swap("America/Toronto", "Mars/Olympus")), ruleError("zone")},
		{"unknown attribute in a condition", rules(swap("price.rate >= 9500", "price.mood >= 9500")), ruleError("mood")},
		{"condition of another type", rules(swap("price.rate >= 9500", `price.rate >= \"much\"`)), ruleError("")},
		{"rule file that is no YAML", rules(func(string) string { return "apiVersion: [" }), ruleError("")},
		{"rules of an older version", rules(swap("version: 8", "version: 7")), inputError("policy.version", "above 7")},
		{"rules of another employer", rules(swap("employer: steelcrest-precision", "employer: somebody-else")), inputError("policy.employer", "id of the firm")},
		{"rules of an unknown firm", func(d *deal) error {
			return failed(d.x.SetPolicy(background, csss.By{At: d.at}, "nobody", "rules.yaml", d.policyOf(d.s.Vance.Firm)))
		}, is(csss.ErrNotFound)},
		{"rules by another firm", func(d *deal) error {
			return failed(d.x.SetPolicy(background, d.s.Requester.At(d.at), d.s.Vance.Firm, "rules.yaml", d.policyOf(d.s.Vance.Firm)))
		}, is(csss.ErrNotYours)},
	}
}

func sessionMistakes() []mistake {
	wrong := disclosure.HandleOf("another session", disclosure.Supply)
	return []mistake{
		{"selection by a wrong handle", func(d *deal) error { return failed(d.x.Select(background, d.s.Requester.At(d.at), wrong)) }, is(csss.ErrNotFound)},
		{"opt-in by a wrong handle", func(d *deal) error { return failed(d.x.OptIn(background, d.s.Requester.At(d.at), wrong)) }, is(csss.ErrNotFound)},
		{"opt-in by the other side's handle", func(d *deal) error {
			return failed(d.x.OptIn(background, d.s.Requester.At(d.at), d.supply))
		}, is(csss.ErrNotFound)},
		{"opt-in by a stranger", func(d *deal) error { return failed(d.x.OptIn(background, d.s.Buyer.At(d.at), d.demand)) }, is(csss.ErrNotFound)},
		{"opt-in by an approver", func(d *deal) error { return failed(d.x.OptIn(background, d.s.Director.At(d.at), d.demand)) }, is(csss.ErrNotFound)},
		{"approval by the requester", func(d *deal) error {
			return failed(d.x.Approve(background, d.s.Requester.At(d.at), d.demand, "spend"))
		}, is(csss.ErrNotYours)},
		{"approval that nobody asked for", func(d *deal) error {
			return failed(d.x.Approve(background, d.s.Director.At(d.at), d.demand, "blessing"))
		}, is(csss.ErrNotYours)},
		{"approval without a seat", func(d *deal) error {
			return failed(d.x.Approve(background, d.s.ShiftLead.At(d.at), d.supply, ""))
		}, is(csss.ErrNotYours)},
		{"view of no stage", func(d *deal) error {
			_, err := d.x.View(background, d.s.Requester.At(d.at), d.demand, 9)
			return err
		}, stepError("stage", "1 to 4")},
		{"view too early", func(d *deal) error {
			_, err := d.x.View(background, d.s.Requester.At(d.at), d.demand, disclosure.StageIdentity)
			return err
		}, is(disclosure.ErrNotAllowed)},
		{"start before the reveal", func(d *deal) error { return failed(d.x.Start(background, d.s.Vance.At(d.at), d.supply)) }, is(disclosure.ErrNotAllowed)},
		{"reason of a page", func(d *deal) error {
			return failed(d.x.Refuse(background, d.s.Director.At(d.at), d.demand, strings.Repeat("no ", 100)))
		}, stepError("reason", "200 bytes")},
		{"id of a page", func(d *deal) error {
			by := d.s.Requester.At(d.at)
			by.ID = strings.Repeat("x", 200)
			return failed(d.x.OptIn(background, by, d.demand))
		}, stepError("id", "128 bytes")},
		{"receipt before the reveal", func(d *deal) error {
			_, err := d.x.ExportReceipt(background, d.s.Requester.At(d.at), d.demand)
			return err
		}, is(csss.ErrNotFound)},
		{"preview of another firm's offer", func(d *deal) error {
			_, err := d.x.Preview(d.s.Requester.At(d.at), d.s.Offer)
			return err
		}, is(csss.ErrNotFound)},
		{"erasure of nobody", func(d *deal) error {
			return failed(d.x.Erase(background, csss.By{At: d.at}, "nobody", "asked"))
		}, is(csss.ErrNotFound)},
		{"erasure by a firm", func(d *deal) error {
			return failed(d.x.Erase(background, d.s.Vance.At(d.at), d.s.Owner.Person, "asked"))
		}, is(csss.ErrNotYours)},
		{"leave of a stranger", func(d *deal) error {
			return failed(d.x.Leave(background, d.s.Vance.At(d.at), d.s.Requester.Person))
		}, is(csss.ErrNotFound)},
		{"credential that is not there", func(d *deal) error {
			return failed(d.x.RevokeCredential(background, csss.By{At: d.at}, d.s.Offer, "ISO 1"))
		}, is(csss.ErrNotFound)},
	}
}

// A command id stands for one command, for ever.
func reuseMistakes() []mistake {
	again := func(who world.Who, id string, do func(d *deal, by csss.By) error) func(d *deal) error {
		return func(d *deal) error { return do(d, csss.By{Firm: who.Firm, Person: who.Person, ID: id, At: d.at}) }
	}
	s := world.K3Story2()
	return []mistake{
		{"id of a registration for a withdrawal", again(s.Requester, "register", func(d *deal, by csss.By) error {
			return failed(d.x.Withdraw(background, by, d.s.Need.ID))
		}), is(csss.ErrKeyReused)},
		{"id of a registration for another need", again(s.Requester, "register", func(d *deal, by csss.By) error {
			n := d.s.Need
			n.Quantity.Value++
			return failed(d.x.Register(background, by, n))
		}), is(csss.ErrKeyReused)},
		{"id of somebody else, which is another id", again(s.Buyer, "register", func(d *deal, by csss.By) error {
			return failed(d.x.Register(background, by, d.s.Need))
		}), is(csss.ErrExists)},
		{"id of a registration for a match", again(s.Requester, "register", func(d *deal, by csss.By) error {
			_, err := d.x.Match(background, by, d.s.Need.ID)
			return err
		}), is(csss.ErrKeyReused)},
		{"id of a match for another need", again(s.Requester, "match", func(d *deal, by csss.By) error {
			_, err := d.x.Match(background, by, "another")
			return err
		}), is(csss.ErrKeyReused)},
		{"id of an opt-in for an opt-out", again(s.Requester, "the requester opts in", func(d *deal, by csss.By) error {
			return failed(d.x.OptOut(background, by, d.demand))
		}), is(csss.ErrKeyReused)},
		{"id of an import for an erasure", again(world.Who{}, "1 firms/firms/0", func(d *deal, by csss.By) error {
			return failed(d.x.Erase(background, by, d.s.Owner.Person, "asked"))
		}), is(csss.ErrKeyReused)},
	}
}

func importMistakes() []mistake {
	load := func(part string, index int, err error, in func(d *deal) csss.Import) mistake {
		return mistake{"import " + part, func(d *deal) error { return failed(d.x.Import(background, csss.By{At: d.at}, in(d))) },
			func(t *testing.T, got error) {
				t.Helper()
				e, ok := errors.AsType[*csss.ImportError](got)
				require.True(t, ok, "%T: %v", got, got)
				require.Equal(t, part, e.Part)
				require.Equal(t, index, e.Index)
				require.ErrorIs(t, got, err)
			}}
	}
	f := csss.Firm{ID: "newcomer", LegalName: "Newcomer Forge", Sites: []csss.Site{{ID: "s", Zone: world.Zone}}}
	return []mistake{
		load("firms", 1, csss.ErrExists, func(*deal) csss.Import { return csss.Import{Firms: []csss.Firm{f, f}} }),
		load("policies", 1, csss.ErrExists, func(d *deal) csss.Import {
			p := csss.PolicyText{Firm: d.s.Vance.Firm, Name: "rules.yaml", Text: d.freely(d.s.Vance.Firm, 9)}
			older := p
			older.Text = d.freely(d.s.Vance.Firm, 8)
			return csss.Import{Policies: []csss.PolicyText{p, older}}
		}),
		load("offers", 1, csss.ErrExists, func(d *deal) csss.Import {
			o := d.s.Capable
			o.ID, o.Quantity.Value = "another", 8*match.Hour
			p := csss.Publication{By: d.s.Vance.At(d.at), Offer: o}
			return csss.Import{Offers: []csss.Publication{p, p}}
		}),
		load("offers", 1, csss.ErrDenied, func(d *deal) csss.Import { // 368 + 30 h are within the grant's 400, 60 are not
			o := d.s.Capable
			o.ID, o.Quantity.Value = "another", 30*match.Hour
			p, q := csss.Publication{By: d.s.Vance.At(d.at), Offer: o}, csss.Publication{By: d.s.Vance.At(d.at), Offer: o}
			q.Offer.ID = "a third"
			return csss.Import{Offers: []csss.Publication{p, q}}
		}),
		{"import by a firm", func(d *deal) error {
			return failed(d.x.Import(background, d.s.Vance.At(d.at), csss.Import{}))
		}, is(csss.ErrNotYours)},
	}
}

// Bad input is answered with a typed error that names it, and changes nothing.
func TestBadInput(t *testing.T) {
	d := newDeal(t, csss.Config{})
	d.must(d.loading()...)
	d.must(d.meeting()...)
	d.must(d.consents()[0])
	for _, m := range slices.Concat(firmMistakes(), offerMistakes(), needMistakes(), ruleMistakes(), sessionMistakes(),
		reuseMistakes(), importMistakes()) {
		t.Run(strings.ReplaceAll(m.name, " ", "-"), func(t *testing.T) {
			digest, size := d.digest(), d.x.Size()
			err := m.do(d)
			require.Error(t, err)
			m.want(t, err)
			require.Equal(t, digest, d.digest(), "the state changed")
			require.Equal(t, size, d.x.Size(), "the log grew")
			for _, c := range d.s.Canaries() { // the caller's own words may come back, nobody's name does
				require.NotContains(t, strings.ToLower(err.Error()), strings.ToLower(c.Token))
			}
		})
	}
	d.must(d.consents()[1:]...)
	demand, supply := d.revealed()
	require.True(t, demand && supply, "after all the mistakes the story goes on")
}

// An ended context is an answer too: the context's error, and nothing changed.
func TestCancelledContext(t *testing.T) {
	d := newDeal(t, csss.Config{})
	d.must(d.loading()...)
	d.must(d.meeting()...)
	d.must(d.consents()[0])
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	who, at := d.s.Requester.At(d.at), d.at
	n, o := d.s.Need, d.s.Capable
	n.ID, o.ID, o.Quantity.Value = "another", "another", 8*match.Hour
	second := func(_ any, err error) error { return err }
	for name, do := range map[string]func() error{
		"RegisterFirm": func() error {
			return failed(d.x.RegisterFirm(ctx, csss.By{}, csss.Firm{ID: "n", LegalName: "N", Sites: []csss.Site{{Zone: world.Zone}}}))
		},
		"Leave": func() error { return failed(d.x.Leave(ctx, who, d.s.Director.Person)) },
		"SetPolicy": func() error {
			return failed(d.x.SetPolicy(ctx, csss.By{}, d.s.Vance.Firm, "r", d.freely(d.s.Vance.Firm, 8)))
		},
		"Publish":           func() error { return failed(d.x.Publish(ctx, d.s.Vance.At(at), o)) },
		"Revise":            func() error { return failed(d.x.Revise(ctx, d.s.Vance.At(at), d.s.Capable)) },
		"Withdraw":          func() error { return failed(d.x.Withdraw(ctx, who, d.s.Need.ID)) },
		"Register":          func() error { return failed(d.x.Register(ctx, who, n)) },
		"RecordComparables": func() error { return failed(d.x.RecordComparables(ctx, csss.By{}, "machine", 1)) },
		"ReportUsage":       func() error { return failed(d.x.ReportUsage(ctx, who, "", "machine", "2026-W38", 1)) },
		"RevokeCredential":  func() error { return failed(d.x.RevokeCredential(ctx, csss.By{}, d.s.Offer, "AS9100D")) },
		"Import": func() error {
			return failed(d.x.Import(ctx, csss.By{}, csss.Import{Comparables: map[string][]int64{"machine": {1}}}))
		},
		"Match":        func() error { return second(d.x.Match(ctx, who, d.s.Need.ID)) },
		"OptIn":        func() error { return failed(d.x.OptIn(ctx, d.s.Vance.At(at), d.supply)) },
		"OptOut":       func() error { return failed(d.x.OptOut(ctx, who, d.demand)) },
		"Approve":      func() error { return failed(d.x.Approve(ctx, d.s.Director.At(at), d.demand, "spend")) },
		"Refuse":       func() error { return failed(d.x.Refuse(ctx, d.s.Director.At(at), d.demand, "")) },
		"WithdrawFrom": func() error { return failed(d.x.WithdrawFrom(ctx, who, d.demand, "")) },
		"View":         func() error { return second(d.x.View(ctx, who, d.demand, disclosure.StageSummary)) },
		"Status":       func() error { return second(d.x.Status(ctx, who, d.demand)) },
		"Inbox":        func() error { return second(d.x.Inbox(ctx, who)) },
		"NearMisses":   func() error { return second(d.x.NearMisses(ctx, d.s.Vance.At(at), d.s.Offer)) },
		"MissTotals":   func() error { return second(d.x.MissTotals(ctx)) },
		"Picture":      func() error { return second(d.x.Picture(ctx)) },
		"Tick":         func() error { return second(d.x.Tick(ctx, at.AddDate(0, 0, 2))) },
		"Erase":        func() error { return failed(d.x.Erase(ctx, csss.By{}, d.s.ShiftLead.Person, "")) },
		"Replay":       func() error { return second(d.x.Replay(ctx)) },
		"Verify":       func() error { return second(d.x.Verify(ctx)) },
	} {
		for range 3 { // where a call has two ways to go, both are right
			digest, size := d.digest(), d.x.Size()
			require.ErrorIs(t, do(), context.Canceled, name)
			require.Equal(t, digest, d.digest(), name)
			require.Equal(t, size, d.x.Size(), name)
		}
	}
	_, err := csss.Open(ctx, csss.Config{})
	require.ErrorIs(t, err, context.Canceled)
	d.must(d.consents()[1:]...)
	demand, supply := d.revealed()
	require.True(t, demand && supply, "and with a living context the story goes on")
}

func TestBadConfig(t *testing.T) {
	day := 24 * time.Hour
	for _, c := range []struct {
		name string
		cfg  csss.Config
		want refusal
	}{
		{"k of two", csss.Config{K: 2}, inputError("config.k", "3 or more")},
		{"k of one, unsafe", csss.Config{K: 1, UnsafeK: true}, inputError("config.k", "2 or more")},
		{"k below zero", csss.Config{K: -5}, inputError("config.k", "3 or more")},
		{"k of two for people", csss.Config{KPeople: 2}, inputError("config.k_people", "3 or more")},
		{"no budget", csss.Config{Budget: -1}, inputError("config.budget", "1 or more")},
		{"window below zero", csss.Config{Window: -day}, inputError("config.window", "above 0")},
		{"deadline below zero", csss.Config{Deadline: -day}, inputError("config.deadline", "above 0")},
		{"slot below zero", csss.Config{Slot: -time.Hour}, inputError("config.slot", "above 0")},
		{"grace below zero", csss.Config{Grace: -day}, inputError("config.grace", "above 0")},
		{"expiry at the deadline", csss.Config{Deadline: day, Expiry: day}, inputError("config.expiry", "above the deadline")},
		{"default deadline after the expiry", csss.Config{Expiry: time.Hour}, inputError("config.expiry", "24h0m0s")},
		{"directory and store", csss.Config{Dir: t.TempDir(), Store: ledger.NewMemoryStore()}, inputError("config.store", "either")},
		{"terms without a clause", csss.Config{Terms: []terms.Template{{ID: "capacity-v1", Version: "1", Title: "T"}}},
			func(t *testing.T, err error) {
				_, ok := errors.AsType[*terms.TemplateError](err)
				require.True(t, ok, "%T: %v", err, err)
				require.Contains(t, err.Error(), "config.terms[0]")
			}},
		{"log with a space in its name", csss.Config{Ledger: &ledger.Options{Name: "a b"}}, is(ledger.ErrInvalid)},
		{"summary that shows free text", csss.Config{Summary: disclosure.Schema{{Name: "text", Class: disclosure.FreeText}}}, is(disclosure.ErrSchema)},
	} {
		t.Run(strings.ReplaceAll(c.name, " ", "-"), func(t *testing.T) {
			_, err := csss.Open(t.Context(), c.cfg)
			require.Error(t, err)
			c.want(t, err)
		})
	}
	x, err := csss.Open(t.Context(), csss.Config{K: 2, KPeople: 2, UnsafeK: true})
	require.NoError(t, err, "two are allowed to those who say that they know")
	require.NoError(t, x.Close())
}

// Every byte of the ledger counts: if one is changed or missing, Open says so,
// or what was lost is exactly the last, torn batch.
func TestDamagedDirectory(t *testing.T) {
	d := newDeal(t, csss.Config{Dir: t.TempDir()})
	whole := t.TempDir()
	require.NoError(t, d.x.Close())
	d.open(csss.Config{Dir: whole})
	d.must(d.story()...)
	want := d.digest()
	require.NoError(t, d.x.Close())
	files := map[string]int64{}
	require.NoError(t, filepath.WalkDir(whole, func(path string, e fs.DirEntry, err error) error {
		info, err2 := e.Info()
		if err == nil && err2 == nil && info.Mode().IsRegular() && info.Size() > 0 {
			rel, _ := filepath.Rel(whole, path)
			files[rel] = info.Size()
		}
		return errors.Join(err, err2)
	}))
	require.NotEmpty(t, files)
	reopen := func(t *testing.T, damage func(dir string)) error {
		dir := t.TempDir()
		require.NoError(t, os.CopyFS(dir, os.DirFS(whole)))
		damage(dir)
		x, err := csss.Open(t.Context(), atK3(csss.Config{Dir: dir}))
		if err != nil {
			return err
		}
		defer x.Close()
		got, err := x.Digest()
		require.NoError(t, err)
		require.Equal(t, want, got, "damage passed unnoticed")
		return nil
	}
	corrupt := func(t *testing.T, err error, what string) {
		t.Helper()
		require.ErrorIs(t, err, ledger.ErrCorrupt, what)
		e, ok := errors.AsType[*ledger.CorruptError](err)
		require.True(t, ok, "%s: %T: %v", what, err, err)
		require.NotEmpty(t, e.What)
	}
	steps := int64(9)
	if testing.Short() {
		steps = 3
	}
	segments := 0
	for name, size := range files {
		for i := range steps {
			at := size * i / steps
			err := reopen(t, func(dir string) { flip(t, filepath.Join(dir, name), at) })
			if filepath.Ext(name) == ".seg" || err != nil && !errors.Is(err, ledger.ErrInvalid) {
				corrupt(t, err, name)
			}
		}
		if err := reopen(t, func(dir string) { require.NoError(t, os.Truncate(filepath.Join(dir, name), size/2)) }); err != nil {
			corrupt(t, err, name+" cut in half")
			segments++
		}
		if err := reopen(t, func(dir string) { require.NoError(t, os.Remove(filepath.Join(dir, name))) }); err != nil {
			corrupt(t, err, name+" removed")
		}
	}
	assert.NotZero(t, segments, "no file of %v can be cut", files)
}

// flip changes one byte of a file.
func flip(t *testing.T, path string, at int64) {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	text[at] ^= 0x20
	require.NoError(t, os.WriteFile(path, text, 0o600))
}

// FuzzInput gives firms, offers and needs in any JSON form to the exchange:
// each is accepted, or refused without a trace; none makes it panic.
func FuzzInput(f *testing.F) {
	s := world.K3Story2()
	seed := func(v any) {
		text, err := json.Marshal(v)
		require.NoError(f, err)
		f.Add(text)
	}
	seed(s.Firms[0])
	seed(s.Capable)
	seed(s.Need)
	f.Add([]byte(`{"id":"x","legal_name":"X","sites":[{"zone":"UTC","at":{"lat":1e308,"lon":-0}}],"people":[{"id":"p","name":"\ud800 \u0000 A. Æ"}]}`))
	f.Add([]byte(`{"id":"x","kind":"machine_capacity","category":"machine.capacity.shift2","zone":"UTC","windows":[{"zone":"America/Toronto","start":"2026-11-01T00:30","end":"2026-11-01T01:30","rrule":"FREQ=SECONDLY"}]}`))
	f.Add([]byte(`{"id":"x","kind":"technical_query","category":"machine","governance":"demand.machining","zone":"UTC","from":"0001-01-01T00:00:00Z","until":"9999-12-31T23:59:59Z","quantity":{"unit":"h","value":1,"per_week":9223372036854775807,"weeks":530}}`))
	f.Add([]byte(`{"id":"x","kind":"space","category":"space","quantity":{"unit":"m2","value":1},"properties":{"":{"min":1,"max":-1},"a":{"terms":[""]}},"credentials":[{}],"exclude":{"naics":["x"]}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		d := newDeal(t, csss.Config{})
		d.must(d.loading()...)
		d.must(d.meeting()[0])
		d.give(text)
	})
}

// give puts one text to every call that takes a record: as it is, and laid
// over a record that would be accepted.
func (d *deal) give(text []byte) {
	d.Helper()
	firm := csss.Firm{ID: "newcomer", LegalName: "Newcomer Forge", Sites: []csss.Site{{ID: "s", Zone: world.Zone}}}
	offer, need := d.s.Capable, d.s.Need
	offer.ID, offer.Quantity.Value, need.ID = "fuzzed", 16*match.Hour, "fuzzed"
	for _, f := range []csss.Firm{{}, firm} {
		if over(text, &f) {
			d.tries(func() error { return failed(d.x.RegisterFirm(background, csss.By{At: d.at}, f)) })
		}
	}
	for _, o := range []match.Offer{{}, offer} {
		if !over(text, &o) {
			continue
		}
		for _, who := range []world.Who{d.s.Vance, d.s.Buyer} {
			if d.tries(func() error { return failed(d.x.Publish(background, who.At(d.at), o)) }) {
				_, err := d.x.Preview(who.At(d.at), o.ID)
				require.NoError(d, err)
				_, _ = d.x.Remaining(who.At(d.at), o.ID) // an offer without an end has no remainder
			}
			d.tries(func() error { return failed(d.x.Revise(background, who.At(d.at), o)) })
		}
	}
	_, err := d.x.Match(background, d.s.Requester.At(d.at), d.s.Need.ID)
	require.NoError(d, err)
	for _, n := range []match.Need{{}, need} {
		if !over(text, &n) {
			continue
		}
		for _, who := range []world.Who{d.s.Requester, d.s.Buyer} {
			if d.tries(func() error { return failed(d.x.Register(background, who.At(d.at), n)) }) {
				m, err := d.x.Match(background, who.At(d.at), n.ID)
				require.NoError(d, err)
				for _, c := range m.Candidates {
					_, _ = d.x.Select(background, who.At(d.at), c.Handle)
				}
			}
		}
	}
	d.sound()
}

// over reads a text into a record and reports whether it fits.
func over(text []byte, record any) bool {
	return json.NewDecoder(bytes.NewReader(text)).Decode(record) == nil
}

// tries reports whether a command was accepted; if not, nothing has changed.
func (d *deal) tries(command func() error) bool {
	d.Helper()
	before := d.digest()
	err := command()
	if err != nil {
		require.Equal(d, before, d.digest(), "refused, and still something changed: %v", err)
	}
	return err == nil
}
