package policy

import (
	"fmt"
	"hash/maphash"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/deeperpoint/csss/policy/internal/expr"
)

// Schema is the typed table of attributes that conditions may read. It also keeps the compiled conditions, by their
// text, so that many firms which share a sentence share its program: keep one Schema and pass it to every [Compile].
// A Schema is safe for concurrent use.
type Schema struct {
	attrs map[string]Attribute
	seed  maphash.Seed // of the names in indexes

	unreleased [actionCount][]string // by action: attributes that are not released to the rules yet, sorted

	table    *expr.Table
	now      expr.Slot // of context.now
	category expr.Slot // of resource.category

	options expr.Options

	once   sync.Once
	engine *expr.Compiler
	err    error
}

// Attribute is one row of a schema.
type Attribute struct {
	Name    string `json:"name"`              // dotted lower-case words, such as "price.rate"
	Kind    Kind   `json:"kind"`              // its type
	Tainted bool   `json:"tainted,omitempty"` // says something about the counterparty; reasons that read it are tainted

	// From is the step of a deal from which on the attribute is released to the rules; before it is withheld, whatever
	// a request says. "" is from the beginning. What may be shown to a party is another question.
	From Action `json:"from,omitempty"`
}

// Attr returns the row of an attribute of one's own side.
func Attr(name string, kind Kind) Attribute { return Attribute{Name: name, Kind: kind} }

// Counterparty returns the row of an attribute that describes the other side. Reasons that read it are tainted, and rules
// may read it from [Match] on: before that there is no other side.
func Counterparty(name string, kind Kind) Attribute {
	return Attribute{Name: name, Kind: kind, Tainted: true, From: Match}
}

// Since returns the row with another step from which on the attribute is released to the rules.
func (a Attribute) Since(step Action) Attribute {
	a.From = step
	return a
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
		Counterparty("counterparty.group", KindString).Since(Reveal), // as good as a name
		Counterparty("counterparty.certifications", KindStrings),
		Counterparty("counterparty.trust", KindDouble),
		Counterparty("counterparty.verified", KindBool),
		Attr(attrNow, KindTime), // from Request.Now
		Attr("context.stage", KindString),
		Attr("context.destination", KindString), // of process_externally: the service to which text or vectors would go
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
// of letters, digits and underscores, two to four of them joined by dots), holds a word that conditions reserve, is already
// taken, is a prefix of another, or has no kind or is released from a step that is no action of a deal. Attributes under
// "counterparty." are tainted whether or not they say so.
func NewSchema(more ...Attribute) (*Schema, error) {
	s := &Schema{attrs: map[string]Attribute{}, seed: maphash.MakeSeed()}
	for _, a := range append(baseTable(), more...) {
		if err := s.add(a); err != nil {
			return nil, err
		}
	}
	for _, name := range s.names() {
		for i := range s.unreleased {
			if stageOf(i) < stageOf(actionIndex(s.attrs[name].From)) {
				s.unreleased[i] = append(s.unreleased[i], name)
			}
		}
	}
	var err error
	if s.table, err = newTable(s.Attributes()); err != nil {
		return nil, fmt.Errorf("policy: schema: %w", err)
	}
	s.now, _ = s.table.Lookup(attrNow)
	s.category, _ = s.table.Lookup(attrCategory)
	return s, nil
}

func (s *Schema) add(a Attribute) error {
	if !validAttrName(a.Name) {
		return fmt.Errorf("policy: attribute %q: want two to four lower-case words joined by dots", a.Name)
	}
	if word := reservedIn(a.Name); word != "" {
		return fmt.Errorf("policy: attribute %q: conditions reserve the word '%s'", a.Name, word)
	}
	if a.Kind == KindNone || int(a.Kind) >= len(kindNames) {
		return fmt.Errorf("policy: attribute %q has no kind", a.Name)
	}
	if strings.HasPrefix(a.Name, paramHead) {
		return fmt.Errorf("policy: attribute %q: names under %q are parameters of templates", a.Name, paramHead)
	}
	if a.From != "" && stageOf(actionIndex(a.From)) == 0 && a.From != Publish {
		return fmt.Errorf("policy: attribute %q is released from %q, which is no step of a deal", a.Name, clip(string(a.From)))
	}
	if a.Name == attrNow || a.Name == attrCategory {
		a.From = ""
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

// stageOf is how far a deal has come at an action, by its index. Nothing of a deal is there yet when text leaves the
// engine; nor for what is no action.
func stageOf(action int) int {
	if action < 0 || actionList[action] == ProcessExternally {
		return 0
	}
	return action
}

// withheld are the attributes that a request's rules may not read.
func (s *Schema) withheld(r *Request, action int) []string {
	late := s.unreleased[action]
	if len(late) == 0 {
		return r.Withheld
	}
	if len(r.Withheld) == 0 {
		return late
	}
	return append(slices.Clone(r.Withheld), late...)
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

// literalWords stand nowhere in a name that conditions can read, and reservedWords not at its beginning.
var (
	literalWords  = []string{"in", "true", "false", "null"}
	reservedWords = []string{"as", "break", "const", "continue", "else", "for", "function", "if", "import", "let", "loop", "package",
		"namespace", "return", "var", "void", "while"}
)

// reservedIn is the first word of a name that makes it unreadable; "" if there is none.
func reservedIn(name string) string {
	for i, w := range strings.Split(name, ".") {
		if slices.Contains(literalWords, w) || i == 0 && slices.Contains(reservedWords, w) {
			return w
		}
	}
	return ""
}

// covers reports whether the dotted path head is path or one of its ancestors, by segment.
func covers(head, path string) bool {
	return strings.HasPrefix(path, head) && (len(path) == len(head) || path[len(head)] == '.')
}

func (s *Schema) hash(name string) uint64 { return maphash.String(s.seed, name) }
