package main

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/deeperpoint/csss"
	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/examples/internal/cli"
	"github.com/deeperpoint/csss/internal/world"
)

func previewFlags(c *call) {
	marketFlags(c)
	c.StringVar(&c.market.firm, "firm", "", "`id` of the firm that offers it (with -dir)")
	c.StringVar(&c.market.person, "person", "", "`id` of a person of the firm (with -dir)")
	schemaFlag(c)
	langFlag(c)
}

// previewed is what preview prints with -json.
type previewed struct {
	OK      bool   `json:"ok"`
	Offer   string `json:"offer"`
	Readers []seen `json:"readers"`
}

// seen is what one reader would see.
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
	return c.inMarket(ctx, func(x *csss.Exchange, _ csss.By) error {
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
		if c.JSON {
			return c.object(previewed{true, c.Words[0], readers})
		}
		for i := range readers {
			c.reader(&readers[i])
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
	l := c.words()
	switch {
	case s.Reader == "stranger" && s.TooRare:
		c.printf("%s\n", l.text("stranger.nothing", l.count(s.K, "employer"), s.Costliest))
	case s.Reader == "stranger":
		c.printf("%s\n  %s\n  %s\n", l.text("stranger", s.K), strings.Join(s.Labels, ", "), l.text("stranger.place"))
		if len(s.Suppressed) > 0 {
			c.printf("  %s\n", l.text("stranger.less", strings.Join(s.Suppressed, ", "), s.Costliest))
		}
	case s.Reader == "approver" && s.TooRare:
		c.printf("\n%s\n", l.text("approver.nothing"))
	case s.Reader == "approver":
		c.printf("\n%s\n  %s\n  %s\n  %s\n", l.text("approver", s.K), strings.Join(s.Brief.Counterparty, ", "), l.offered(s.Brief), l.text("approver.never"))
	default:
		c.printf("\n%s\n", l.text("partner"))
		d := s.Identity
		for _, line := range []string{d.LegalName, d.Contact, d.Email, d.Phone, strings.Trim(d.Street+", "+d.City, ", ")} {
			if line != "" {
				c.printf("  %s\n", line)
			}
		}
		c.printf("  %s\n", l.text("partner.terms"))
	}
}

// offered is the terms and the price that an approver reads.
func (l *language) offered(b *csss.Brief) string {
	line := l.text("approver.terms", b.Template)
	if b.Estimate > 0 {
		line += l.text("approver.price", l.cents(strconv.FormatInt(b.Estimate, 10), b.Currency), b.Currency)
	}
	return line
}
