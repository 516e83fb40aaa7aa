package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// sum is the digest of the normalised document: everything that can change a decision, and nothing else.
// It is spelled in the room that is given, which is returned for the next one.
func (doc *document) sum(room []byte) ([32]byte, []byte) {
	room = appendCanonical(room[:0], doc.normal())
	return sha256.Sum256(room), room
}

// object is a JSON object; absent things are left out, so that a new key with its default changes no digest.
type object map[string]any

func (doc *document) normal() object {
	return object{
		"apiVersion": apiVersion,
		"employer":   doc.employer,
		"version":    doc.version,
		"zone":       doc.zone,
		"deal":       object{"deadline": doc.deal.Deadline, "hard_expiry": doc.deal.HardExpiry, "grace": doc.deal.Grace},
		"quotas":     each(doc.quotas, (*quotaDoc).normal),
		"approvals":  each(doc.approvals, (*approvalDoc).normal),
		"grants":     each(doc.grants, (*grantDoc).normal),
		"walls":      each(doc.walls, (*wallDoc).normal),
		"rules":      doc.rules,
	}
}

func each[T any](list []T, normal func(T) object) []any {
	out := make([]any, len(list))
	for i, x := range list {
		out[i] = normal(x)
	}
	return out
}

func (q *quotaDoc) normal() object {
	return object{"id": q.ID, "per": q.Per, "unit": q.Unit, "max": q.Max, "min": q.Min, "key": q.Key}
}

func (a *approvalDoc) normal() object {
	return object{"id": a.ID, "seats": a.Seats, "need": a.Need, "expires": a.Expires, "not": a.Not, "order": a.Ordered, "veto": a.Veto,
		"escalate_after": a.Escalate.After, "escalate_seats": a.Escalate.Seats,
		"delegation_depth": a.Delegation.Depth, "delegation_within": a.Delegation.Within}
}

func (g *grantDoc) normal() object {
	return object{"id": g.ID, "role": g.Role, "person": g.Person, "may": g.May, "categories": g.Categories, "when": g.When,
		"quotas": g.Quotas, "discharges": g.Discharges, "depth": g.Depth, "from": g.From, "until": g.Until, "at_expiry": g.AtExpiry}
}

// appendRules appends rules, of which there are many, without the detour of an object each.
func appendRules(b []byte, list []*rule) []byte {
	b = append(b, '[')
	for i, r := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendRule(b, r)
	}
	return append(b, ']')
}

// appendRule appends what [appendObject] would, the keys in their order.
func appendRule(b []byte, r *rule) []byte {
	b = append(b, '{')
	b = appendTexts(b, "actions", r.actions)
	b = appendTexts(b, "advice", r.advice)
	b = appendField(b, "approval", r.approval.id)
	b = appendFlag(b, "authority", r.authority)
	b = appendTexts(b, "categories", r.categories)
	b = appendFlag(b, "forbid", r.effect == forbid)
	b = appendTime(b, "from", r.valid.from)
	b = appendField(b, "id", r.id)
	b = appendTexts(b, "obligations", r.obligations)
	b = appendTexts(b, "overrides", ids(r.overrides))
	b = appendTexts(b, "quotas", ids(r.quotaRefs))
	b = appendTexts(b, "requires", r.requires)
	b = appendTime(b, "until", r.valid.until)
	b = appendField(b, "when", r.whenText())
	return append(b, '}')
}

// appendKey appends a key of an object, after a comma unless it is the first one.
func appendKey(b []byte, key string) []byte {
	if b[len(b)-1] != '{' {
		b = append(b, ',')
	}
	return append(appendText(b, key), ':')
}

func appendField(b []byte, key, text string) []byte {
	if text == "" {
		return b
	}
	return appendText(appendKey(b, key), text)
}

func appendFlag(b []byte, key string, is bool) []byte {
	if !is {
		return b
	}
	return append(appendKey(b, key), "true"...)
}

func appendTime(b []byte, key string, t time.Time) []byte {
	if t.IsZero() {
		return b
	}
	return appendCanonical(appendKey(b, key), t)
}

func appendTexts[T ~string](b []byte, key string, list []T) []byte {
	if len(list) == 0 {
		return b
	}
	b = append(appendKey(b, key), '[')
	for i, s := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendText(b, string(s))
	}
	return append(b, ']')
}

func stringsOf(actions []Action) []string {
	list := make([]string, len(actions))
	for i, a := range actions {
		list[i] = string(a)
	}
	return list
}

// ids are the names of refs, sorted.
func ids(refs []ref) []string {
	if len(refs) == 0 {
		return nil
	}
	list := make([]string, len(refs))
	for i, r := range refs {
		list[i] = r.id
	}
	slices.Sort(list)
	return list
}

// appendCanonical appends a value as canonical JSON (RFC 8785). The keys are ours and ASCII, so that their order by bytes
// is their order by UTF-16 units; numbers are whole. Durations are nanoseconds as text, since they may exceed 2^53.
func appendCanonical(b []byte, v any) []byte {
	switch v := v.(type) {
	case object:
		return appendObject(b, v)
	case []any:
		return appendArray(b, v)
	case []*rule:
		return appendRules(b, v)
	case []string:
		list := make([]any, len(v))
		for i, s := range v {
			list[i] = s
		}
		return appendArray(b, list)
	case string:
		return appendText(b, v)
	case bool:
		return strconv.AppendBool(b, v)
	case int:
		return strconv.AppendInt(b, int64(v), 10)
	case time.Duration:
		return appendText(b, strconv.FormatInt(int64(v), 10)+"ns")
	case time.Time:
		return appendText(b, v.UTC().Format(time.RFC3339Nano))
	}
	panic(fmt.Sprintf("policy: %T in a normalised document", v)) // impossible: the types above are all there are
}

func appendObject(b []byte, o object) []byte {
	b = append(b, '{')
	first := true
	keys := make([]string, 0, 20) // on the stack
	for key, v := range o {
		if !isEmpty(v) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	for _, key := range keys {
		if !first {
			b = append(b, ',')
		}
		first = false
		b = append(appendText(b, key), ':')
		b = appendCanonical(b, o[key])
	}
	return append(b, '}')
}

func isEmpty(v any) bool {
	switch v := v.(type) {
	case string:
		return v == ""
	case []string:
		return len(v) == 0
	case []any:
		return len(v) == 0
	case []*rule:
		return len(v) == 0
	case bool:
		return !v
	case int:
		return v == 0
	case time.Duration:
		return v == 0
	case time.Time:
		return v.IsZero()
	}
	return false
}

func appendArray(b []byte, list []any) []byte {
	b = append(b, '[')
	for i, v := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendCanonical(b, v)
	}
	return append(b, ']')
}

// appendText quotes as RFC 8785 section 3.2.2.2 says: the short escapes, \u00xx for other controls, all else verbatim.
func appendText(b []byte, s string) []byte {
	b = append(b, '"')
	for i := range len(s) {
		switch c := s[i]; c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\b':
			b = append(b, '\\', 'b')
		case '\t':
			b = append(b, '\\', 't')
		case '\n':
			b = append(b, '\\', 'n')
		case '\f':
			b = append(b, '\\', 'f')
		case '\r':
			b = append(b, '\\', 'r')
		default:
			if c < 0x20 {
				b = append(b, `\u00`...)
				b = append(b, hex.EncodeToString([]byte{c})...)
			} else {
				b = append(b, c)
			}
		}
	}
	return append(b, '"')
}
