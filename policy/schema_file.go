package policy

import (
	"cmp"
	"slices"
	"strings"
)

// schemaVersion is the only form of a schema file there is.
const schemaVersion = "csss.policy-schema/v1"

// schemaKinds are the words for the kinds of attributes in a schema file.
var schemaKinds = []string{"string", "strings", "int", "duration", "time", "bool", "double"}

// ParseSchema reads the attributes that a host adds to the base schema from a YAML (or JSON) file, so that programs of
// other people, such as a checker of rule documents, need not be built with them. The file is read as strictly as a rule
// document:
//
//	apiVersion: csss.policy-schema/v1
//	attributes:
//	  - {name: resource.cleanroom, kind: bool}
//	  - {name: counterparty.audited_until, kind: time}          # tainted by its name, released from match on
//	  - {name: request.detour_km, kind: int, tainted: true, from: reveal}
//
// A kind is one of string, strings, int, duration, time, bool and double. An attribute under "counterparty." is tainted,
// and one that is tainted is released from [Match] on unless `from` names another step of a deal, as with
// [Counterparty]. Every fault is reported with its place, as an [*Errors]: those of the form, and those of [NewSchema].
// Like every Schema it is to be kept. The cost is that of NewSchema.
func ParseSchema(file Source) (*Schema, error) {
	base := BaseSchema()
	errs := &Errors{}
	d := &decoder{tree: tree{file: cmp.Or(file.Name, "schema"), errs: errs}, schema: base}
	var more []Attribute
	if root := d.parse(file.Text); root != nil && len(errs.List) == 0 {
		d.object(root, "schema",
			field{"apiVersion", true, func(n *node) { d.oneOf(n, "apiVersion", schemaVersion) }},
			field{"attributes", true, func(n *node) {
				d.list(n, "attributes", maxListed, func(item *node) { more = append(more, d.attribute(item)) })
			}})
	}
	sortByPlace(errs.List)
	if err := errs.orNil(); err != nil {
		return nil, err
	}
	return NewSchema(more...)
}

// attribute reads one row, and adds it to the decoder's schema, in which no rule is ever compiled.
func (d *decoder) attribute(n *node) Attribute {
	var a Attribute
	before := len(d.errs.List)
	d.object(n, "attribute",
		field{"name", true, func(n *node) { a.Name = d.text(n, "name") }},
		field{"kind", true, func(n *node) {
			a.Kind = Kind(1 + slices.Index(schemaKinds, d.oneOf(n, "kind", schemaKinds...)))
		}},
		field{"tainted", false, func(n *node) { a.Tainted = d.boolean(n, "tainted") }},
		field{"from", false, func(n *node) { a.From = d.action(n) }})
	if a.Tainted = a.Tainted || strings.HasPrefix(a.Name, "counterparty."); a.Tainted {
		a.From = cmp.Or(a.From, Match)
	}
	if len(d.errs.List) > before || d.errs.More {
		return a
	}
	if err := d.schema.add(a); err != nil {
		d.fail(n, "%s", strings.TrimPrefix(err.Error(), "policy: "))
	}
	return a
}
