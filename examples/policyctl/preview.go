package main

import (
	"context"
	"errors"
	"strings"

	"github.com/deeperpoint/csss"
	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/examples/internal/cli"
	"github.com/deeperpoint/csss/internal/world"
)

func previewFlags(c *call) {
	marketFlags(c)
	c.BoolVar(&c.market.story, "story", false, "instead of -dir: the seeded market of the examples, with the founding stories in it")
	c.StringVar(&c.market.firm, "firm", "", "`id` of the firm that offers it (with -dir)")
	c.StringVar(&c.market.person, "person", "", "`id` of a person of the firm (with -dir)")
}

// seen is what one reader would see: one object of preview -json.
type seen struct {
	Reader     string                   `json:"reader"` // stranger, approver, partner
	K          int                      `json:"k"`      // employers that could be meant
	Labels     []string                 `json:"labels,omitempty"`
	TooRare    bool                     `json:"too_rare,omitempty"`
	Costliest  string                   `json:"costliest,omitempty"`
	Suppressed []string                 `json:"suppressed,omitempty"`
	Brief      *csss.Brief              `json:"brief,omitempty"`
	Identity   *disclosure.IdentityData `json:"identity,omitempty"`
}

// preview shows what a stranger, an approver of the other side and a revealed
// partner would see of an offer.
func preview(ctx context.Context, c *call) error {
	by, err := c.owner(c.Words[0])
	if err != nil {
		return err
	}
	return c.market.with(ctx, func(x *csss.Exchange) error {
		p, err := x.Preview(by, c.Words[0])
		if errors.Is(err, csss.ErrNotFound) {
			return cli.Usagef("%s is no live offer of that firm, or the person is not of it", c.Words[0])
		}
		if err != nil {
			return err
		}
		identity := p.Partner.Open()
		readers := []seen{
			{Reader: "stranger", K: p.K, Labels: p.Labels, TooRare: p.TooRare, Costliest: p.Costliest, Suppressed: p.Suppressed},
			{Reader: "approver", K: p.K, TooRare: p.TooRare, Brief: &p.Approver},
			{Reader: "partner", K: 1, Identity: &identity},
		}
		for i := range readers {
			if c.JSON {
				err = c.object(readers[i])
			} else {
				c.reader(&readers[i])
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// owner is who asks about an offer.
func (c *call) owner(offer string) (csss.By, error) {
	m := &c.market
	at, err := m.at()
	if err != nil {
		return csss.By{}, err
	}
	by := csss.By{Firm: m.firm, Person: m.person, At: at}
	switch {
	case m.story == (m.dir != ""):
		return by, cli.Usagef("preview needs either -dir or -story")
	case m.story:
		w := world.Build(world.Options{Stories: true})
		for _, o := range w.Import().Offers {
			if o.Offer.ID == offer {
				by.Firm, by.Person = o.By.Firm, o.By.Person
			}
		}
	case by.Firm == "" || by.Person == "":
		return by, cli.Usagef("preview -dir needs -firm and -person")
	}
	return by, nil
}

func (c *call) reader(s *seen) {
	switch {
	case s.Reader == "stranger" && s.TooRare:
		c.printf("A stranger sees nothing: %s could be meant; the field that costs most is %s.\n", count(s.K, "employer"), s.Costliest)
	case s.Reader == "stranger":
		c.printf("A stranger sees (k = %d employers could be meant):\n  %s\n", s.K, strings.Join(s.Labels, ", "))
		c.printf("  beside it a distance band or a region, where enough employers share that too\n")
		if len(s.Suppressed) > 0 {
			c.printf("  left out: %s; the field that costs most is %s\n", strings.Join(s.Suppressed, ", "), s.Costliest)
		}
	case s.Reader == "approver" && s.TooRare:
		c.printf("\nAn approver on the other side is asked nothing before you consent to a summary.\n")
	case s.Reader == "approver":
		b := s.Brief
		c.printf("\nAn approver on the other side decides on (k = %d, the same text):\n  %s\n", s.K, strings.Join(b.Counterparty, ", "))
		c.printf("  standard terms %s", b.Template)
		if b.Estimate > 0 {
			c.printf(", an estimate of %s/h %s from comparables", english.cents(itoa(b.Estimate), b.Currency), b.Currency)
		}
		c.printf("\n  its own hours and amount; never your floor, your hours left or your name\n")
	default:
		c.printf("\nA partner reads after the reveal (k = 1, it is you):\n")
		d := s.Identity
		for _, line := range []string{d.LegalName, d.Contact, d.Email, d.Phone, strings.Trim(d.Street+", "+d.City, ", ")} {
			if line != "" {
				c.printf("  %s\n", line)
			}
		}
		c.printf("  the agreed price and hours, and the standard terms; never your floor or your cost\n")
	}
}
