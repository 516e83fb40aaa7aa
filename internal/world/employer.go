package world

import (
	"fmt"
	"strings"

	csss "github.com/deeperpoint/csss"
	"github.com/deeperpoint/csss/match"
)

// Numbers of firms, from which telephone numbers and postal codes follow. Each
// story has its own block, so that it names the same people in every world.
const (
	numbersStory1 = 0
	numbersStory2 = 20
	numbersStory3 = 40
	numbersStory7 = 60
	numbersWorld  = 100
)

// An employer is a firm under construction. Every identity token of it follows
// one pattern from its number, slug and legal name.
type employer struct {
	csss.Firm
	number int
	slug   string
}

// newEmployer makes a firm with one site. The id is the slug unless the firm's
// rule document calls it otherwise.
func newEmployer(number int, id, legal string, c city, naics string, sectors ...string) *employer {
	slug := slugOf(legal)
	if id == "" {
		id = slug
	}
	return &employer{number: number, slug: slug, Firm: csss.Firm{
		ID: id, LegalName: legal, Group: id, NAICS: naics, Sectors: sectors, Country: "Ontario",
		Sites: []csss.Site{{
			ID:         "site-" + slug + "-1",
			Street:     fmt.Sprintf("%d %s Road", 10+number%90, legal),
			City:       c.name,
			PostalCode: postalCode(number),
			Region:     c.region,
			Zone:       Zone,
			At:         c.at,
		}},
	}}
}

func slugOf(legal string) string { return strings.ReplaceAll(strings.ToLower(legal), " ", "-") }

// areaCodes are Ontario's; with 555-01nn their numbers belong to nobody.
var areaCodes = []string{"905", "519", "416", "226", "289", "647", "437", "548", "613", "705", "807", "365", "343", "249"}

func phone(number int) string {
	text := fmt.Sprintf("+1-%s-555-01%02d", areaCodes[number/100%len(areaCodes)], number%100)
	if beyond := number / (100 * len(areaCodes)); beyond > 0 {
		text += fmt.Sprintf("x%d", beyond)
	}
	return text
}

// postalLetters are those that Canadian postal codes use.
const postalLetters = "ABCEGHJKLMNPRSTVWXYZ"

func postalCode(number int) string {
	letter := func(i int) byte { return postalLetters[i%len(postalLetters)] }
	n := len(postalLetters)
	return fmt.Sprintf("L%d%c %d%c%d", number/(10*n*10*n)%10, letter(number/(10*n*10)), number/(10*n)%10,
		letter(number/10), number%10)
}

// hire adds a person, named by initial and surname.
func (e *employer) hire(name string, roles ...string) Who {
	id := fmt.Sprintf("usr-%s-%02d", e.slug, len(e.People)+1)
	_, surname, _ := strings.Cut(name, " ")
	e.People = append(e.People, csss.Person{
		ID: id, Name: name, Email: strings.ToLower(surname) + "@" + e.slug + ".example", Phone: phone(e.number), Roles: roles,
	})
	return Who{Firm: e.ID, Person: id}
}

// install adds a machine, room or instrument and returns its id.
func (e *employer) install(model string, tags ...string) string {
	n := len(e.Resources) + 1
	id := fmt.Sprintf("res-%s-%02d", e.slug, n)
	e.Resources = append(e.Resources, csss.Resource{
		ID: id, Site: e.Sites[0].ID, Serial: fmt.Sprintf("SN-%s-%04d", e.slug, n), Model: model, Tags: tags,
	})
	return id
}

// offer completes an offer with what the firm says about itself. An offer of a
// person names that person as its resource.
func (e *employer) offer(nr int, o match.Offer) match.Offer {
	o.ID = fmt.Sprintf("offer-%s-%02d", e.slug, nr)
	o.Firm, o.Group, o.NAICS, o.Sectors = e.ID, e.Group, e.NAICS, e.Sectors
	o.Site, o.Region, o.Zone, o.Currency = e.Sites[0].At, e.Sites[0].Region, Zone, Currency
	if o.Resource == "" {
		o.Resource = o.Person
	}
	return o
}

// need completes a need in the same way.
func (e *employer) need(nr int, by Who, n match.Need) match.Need {
	n.ID = fmt.Sprintf("need-%s-%02d", e.slug, nr)
	n.Firm, n.Group, n.NAICS, n.Sectors, n.Requester = e.ID, e.Group, e.NAICS, e.Sectors, by.Person
	n.Site, n.Region, n.Zone, n.Currency = e.Sites[0].At, e.Sites[0].Region, Zone, Currency
	return n
}
