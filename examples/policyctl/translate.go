package main

import (
	"regexp"
	"strings"
)

// phrase is one sentence that package policy says of a rule, grant, quota or
// approval, and how its parts are said in another language.
type phrase struct {
	form *regexp.Regexp
	key  string
	args string // the order and kinds of the groups: digit and a amount, p period, t time, n attribute, c categories, x word, w unit, r role or person
}

func say(form, key, args string) phrase {
	return phrase{regexp.MustCompile("^" + form + "$"), key, args}
}

// phrases are all of them that hold no condition; a test compares them with
// what the package says.
var phrases = []phrase{
	say(`asks (\S+) in (\S+), at most 0(?:s|h|m)?`, "used.up", "2p1a"),
	say(`asks (\S+) in (\S+), at most (\S+)`, "left", "3a2p1a"),
	say(`asks (\S+) in (\S+), at least (\S+)`, "small", "3a2p1a"),
	say(`asks (\S+), at most 0(?:s|h|m)?`, "used.up.all", "1a"),
	say(`asks (\S+), at most (\S+)`, "left.all", "2a1a"),
	say(`asks (\S+), at least (\S+)`, "small.all", "2a1a"),
	say(`(\S+) is missing, which tells the accounts apart`, "account", "1n"),
	say(`(\S+) is missing, and the grant ends at (\S+)`, "no.end", "1n2t"),
	say(`(\S+) is missing`, "missing", "1n"),
	say(`\S+ is more than (\d+) (weeks|months|periods) after the start`, "long", "1x2w"),
	say(`(\S+) is after the grant ends, (\S+)`, "too.late", "2t1n"),
	say(`covers (.+) only`, "covers", "1c"),
	say(`is revoked`, "revoked", ""),
	say(`valid from (\S+)`, "from", "1t"),
	say(`valid until (\S+)`, "until", "1t"),
	say(`is given to (.+)`, "given", "1r"),
	say(`(\S+) is not at least (-?\d+)`, "bound.least", "1n2x"),
	say(`(\S+) is not at most (-?\d+)`, "bound.most", "1n2x"),
	say(`needs a grant, and none may (\S+)`, "none.may", "1x"),
	say(`refused by those who were asked`, "refused", ""),
	say(`discharged by a grant`, "discharged", ""),
	say(`is not known to the caller`, "unknown.duty", ""),
	say(`forbidden`, "forbids.all", ""),
}

// translate says a sentence of package policy in the speaker's language.
func (s *speaker) translate(text string) (string, bool) {
	for _, p := range phrases {
		if m := p.form.FindStringSubmatch(text); m != nil {
			var args []any
			for i := 0; i+1 < len(p.args); i += 2 {
				args = append(args, s.part(p.args[i+1], m[p.args[i]-'0']))
			}
			return s.text(p.key, args...), true
		}
	}
	return "", false
}

func (s *speaker) part(kind byte, text string) string {
	switch kind {
	case 'a':
		return s.span(text)
	case 'p':
		return s.period(text)
	case 't':
		return s.moment(text, s.zone)
	case 'n':
		return s.noun(text)
	case 'c':
		return s.joined(strings.Split(text, ", "), s.and)
	case 'w':
		return s.text(text)
	case 'r':
		if role, ok := strings.CutPrefix(text, "role "); ok {
			return s.text("the.role", role)
		}
		return s.text("a.person")
	}
	return text
}
