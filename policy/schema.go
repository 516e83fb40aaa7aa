package policy

import (
	"fmt"
	"hash/maphash"
	"maps"
	"slices"
	"strings"
	"sync"
)

// Schema is the typed table of attributes that conditions may read. It also keeps the compiled conditions, by their
// text, so that many firms which share a sentence share its program: keep one Schema and pass it to every [Compile].
// A Schema is safe for concurrent use.
type Schema struct {
	attrs map[string]Attribute
	seed  maphash.Seed // of the names in indexes

	once   sync.Once
	engine *engine
	err    error
}

// Attribute is one row of a schema.
type Attribute struct {
	Name    string `json:"name"`              // dotted lower-case words, such as "price.rate"
	Kind    Kind   `json:"kind"`              // its type
	Tainted bool   `json:"tainted,omitempty"` // says something about the counterparty; reasons that read it are tainted
}

// Attr returns the row of an attribute of one's own side.
func Attr(name string, kind Kind) Attribute { return Attribute{Name: name, Kind: kind} }

// Counterparty returns the row of an attribute that describes the other side. Reasons that read it are tainted.
func Counterparty(name string, kind Kind) Attribute {
	return Attribute{Name: name, Kind: kind, Tainted: true}
}

// Attributes that the engine fills from the request's own fields.
const (
	attrNow      = "context.now"
	attrCategory = "resource.category"
)

// Attributes with a meaning of their own in grants, quotas and approvals.
const (
	attrActor     = "actor.person"
	attrRoles     = "actor.roles"
	attrOffered   = "resource.person"
	attrRequester = "request.requester"
	attrStart     = "request.start"
	attrEnd       = "request.end"
	attrPerWeek   = "request.per_week"
	attrTotal     = "request.total"
)

// baseTable is the base schema, in the order of the documentation.
func baseTable() []Attribute {
	return []Attribute{
		Attr(attrActor, KindString),
		Attr(attrRoles, KindStrings),
		Attr("resource.id", KindString),
		Attr("resource.kind", KindString),
		Attr(attrCategory, KindString), // from Request.Category
		Attr(attrOffered, KindString),  // absent for machines and spaces
		Attr("resource.tags", KindStrings),
		Attr("resource.topics", KindStrings),
		Attr("resource.certified_until", KindTime),
		Attr(attrRequester, KindString), // who asked, for the separation of duties
		Attr("request.mode", KindString),
		Attr("request.topics", KindStrings),
		Attr(attrStart, KindTime),
		Attr(attrEnd, KindTime),
		Attr(attrPerWeek, KindDuration),
		Attr(attrTotal, KindDuration),
		Counterparty("request.distance_km", KindInt), // rounded up; tells where the other side is
		Attr("price.rate", KindInt),                  // cents per hour
		Attr("price.amount", KindInt),                // cents
		Attr("price.currency", KindString),
		Counterparty("counterparty.naics", KindString),
		Counterparty("counterparty.region", KindString),
		Counterparty("counterparty.country", KindString),
		Counterparty("counterparty.group", KindString),
		Counterparty("counterparty.certifications", KindStrings),
		Counterparty("counterparty.trust", KindDouble),
		Counterparty("counterparty.verified", KindBool),
		Attr(attrNow, KindTime), // from Request.Now
		Attr("context.stage", KindString),
	}
}

// BaseSchema returns a new schema with the attributes that every exchange has: actor, resource, request, price,
// counterparty and context. Keep it: the compiled conditions live in it.
func BaseSchema() *Schema {
	s, err := NewSchema()
	if err != nil { // impossible: the table is ours
		panic(err)
	}
	return s
}

// NewSchema returns the base schema with more attributes. It returns an error if a name is malformed (lower-case words
// of letters, digits and underscores, two to four of them joined by dots), is already taken, is a prefix of another, or
// has no kind. Attributes under "counterparty." are tainted whether or not they say so.
func NewSchema(more ...Attribute) (*Schema, error) {
	s := &Schema{attrs: map[string]Attribute{}, seed: maphash.MakeSeed()}
	for _, a := range append(baseTable(), more...) {
		if err := s.add(a); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *Schema) add(a Attribute) error {
	if !validAttrName(a.Name) {
		return fmt.Errorf("policy: attribute %q: want two to four lower-case words joined by dots", a.Name)
	}
	if a.Kind == KindNone || int(a.Kind) >= len(kindNames) {
		return fmt.Errorf("policy: attribute %q has no kind", a.Name)
	}
	for name := range s.attrs {
		if name == a.Name {
			return fmt.Errorf("policy: attribute %q is declared twice", a.Name)
		}
		if covers(name, a.Name) || covers(a.Name, name) {
			return fmt.Errorf("policy: attribute %q and attribute %q contain each other", a.Name, name)
		}
	}
	a.Tainted = a.Tainted || strings.HasPrefix(a.Name, "counterparty.")
	s.attrs[a.Name] = a
	return nil
}

// Attributes returns the schema's rows, sorted by name.
func (s *Schema) Attributes() []Attribute {
	return slices.SortedFunc(maps.Values(s.attrs), func(a, b Attribute) int { return strings.Compare(a.Name, b.Name) })
}

func (s *Schema) names() []string { return slices.Sorted(maps.Keys(s.attrs)) }

func validAttrName(name string) bool {
	words := strings.Split(name, ".")
	if len(name) > 64 || len(words) < 2 || len(words) > 4 {
		return false
	}
	for _, w := range words {
		if w == "" || w[0] < 'a' || w[0] > 'z' || strings.Trim(w, "abcdefghijklmnopqrstuvwxyz0123456789_") != "" {
			return false
		}
	}
	return true
}

// covers reports whether the dotted path head is path or one of its ancestors, by segment.
func covers(head, path string) bool {
	return strings.HasPrefix(path, head) && (len(path) == len(head) || path[len(head)] == '.')
}

func (s *Schema) hash(name string) uint64 { return maphash.String(s.seed, name) }
