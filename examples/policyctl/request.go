package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"

	"github.com/deeperpoint/csss/examples/internal/cli"
	"github.com/deeperpoint/csss/policy"
)

// question is a request and its attributes in plain words: a policy.Value does
// not show what it holds.
type question struct {
	*policy.Request
	given map[string][]string // as documents spell values; a list has any number
}

// question reads the request file, if there is one, and puts the flags over it.
func (c *call) question(set *policy.Set) (*question, error) {
	keys, err := c.requestKeys(set.Schema())
	if err != nil {
		return nil, err
	}
	employer, err := employerOf(keys, set)
	if err != nil {
		return nil, err
	}
	given, err := plain(keys["with"])
	if err != nil {
		return nil, err
	}
	delete(keys, "employer")
	keys["name"], keys["expect"] = "request", map[string]string{"outcome": policy.Deny.String()} // a test has them
	text, err := json.Marshal(map[string]any{"apiVersion": "csss.policy-tests/v1", "employer": employer, "tests": []any{keys}})
	if err != nil {
		return nil, cli.Usage(err)
	}
	tests, err := set.ParseTests(policy.Source{Name: c.requestName(), Text: text})
	if bad, ok := errors.AsType[*policy.Errors](err); ok {
		return nil, c.inRequest(bad)
	}
	if err != nil {
		return nil, err
	}
	r := &tests[0].Request
	r.Usage = accounts{r.Usage}
	return &question{Request: r, given: given}, nil
}

// accounts is usage that, as a market's and unlike a test's, needs the keys of
// quotas to tell accounts apart.
type accounts struct{ policy.Usage }

// inRequest leaves out places, which are not those of the file.
func (c *call) inRequest(bad *policy.Errors) error {
	var lines []string
	for _, e := range bad.List {
		lines = append(lines, c.words().fault(strings.ReplaceAll(e.Text, "test: ", "")))
	}
	return cli.Usagef("%s: %s", c.requestName(), strings.Join(lines, "; "))
}

func (c *call) requestName() string {
	if len(c.Words) == 1 {
		return c.Words[0]
	}
	return "request"
}

// requestKeys are the keys of a test, from the file and the flags.
func (c *call) requestKeys(schema *policy.Schema) (map[string]any, error) {
	keys := map[string]any{}
	if len(c.Words) == 1 {
		text, err := cli.Read(c.Words[0], maxFile)
		if err != nil {
			return nil, err
		}
		dec := json.NewDecoder(strings.NewReader(string(text)))
		dec.UseNumber()
		if err := dec.Decode(&keys); err != nil {
			return nil, cli.Usagef("%s: want a JSON object: %w", c.Words[0], err)
		}
		if keys == nil || dec.More() {
			return nil, cli.Usagef("%s: want one JSON object", c.Words[0])
		}
		if twice := givenTwice(json.NewDecoder(bytes.NewReader(text))); twice != "" {
			return nil, cli.Usagef("%s: key %q is given twice", c.Words[0], twice)
		}
	}
	e := &c.explaining
	for name, v := range map[string]string{"employer": e.employer, "action": e.action, "category": e.category, "now": c.market.now} {
		if v != "" {
			keys[name] = v
		}
	}
	for _, one := range []struct {
		key  string
		flag cli.List
	}{{"with", e.with}, {"usage", e.usage}} {
		if err := put(schema, keys, one.key, one.flag); err != nil {
			return nil, err
		}
	}
	for name, words := range map[string]cli.List{"consent": e.consent, "grants": e.grants} {
		if words != nil {
			keys[name] = []string(words)
		}
	}
	return keys, nil
}

// givenTwice is a key that stands twice in an object of the JSON value that is
// read next; "" if there is none. The value is known to be well formed.
func givenTwice(dec *json.Decoder) (twice string) {
	token, _ := dec.Token()
	open, ok := token.(json.Delim)
	if !ok {
		return ""
	}
	seen := map[string]bool{}
	for dec.More() && twice == "" {
		if open == '{' {
			key, _ := dec.Token()
			name, _ := key.(string)
			if seen[name] {
				return name
			}
			seen[name] = true
		}
		twice = givenTwice(dec)
	}
	if twice == "" {
		_, _ = dec.Token() // the end
	}
	return twice
}

// put adds NAME=VALUE flags to an object of the request.
func put(schema *policy.Schema, keys map[string]any, key string, flags cli.List) error {
	if flags == nil {
		return nil
	}
	object, ok := keys[key].(map[string]any)
	if !ok {
		object = map[string]any{}
	}
	for _, flag := range flags {
		name, text, ok := strings.Cut(flag, "=")
		if !ok {
			return cli.Usagef("-%s %s: want NAME=VALUE", key, flag)
		}
		object[name] = valueOf(schema, key, name, text)
	}
	keys[key] = object
	return nil
}

// valueOf spells the value of a flag as the attribute's kind wants it. What is
// not of that kind stays text, which the request's reader then refuses.
func valueOf(schema *policy.Schema, key, name, text string) any {
	kind := policy.KindString
	for _, a := range schema.Attributes() {
		if a.Name == name && key == "with" {
			kind = a.Kind
		}
	}
	switch kind {
	case policy.KindInt, policy.KindDouble:
		if json.Valid([]byte(text)) {
			return json.Number(text)
		}
	case policy.KindBool:
		if text == "true" || text == "false" {
			return text == "true"
		}
	case policy.KindStrings:
		if text == "" {
			return []string{}
		}
		return strings.Split(text, ",")
	}
	return text
}

// employerOf is whom the request names, or the only one there is.
func employerOf(keys map[string]any, set *policy.Set) (string, error) {
	if name, ok := keys["employer"].(string); ok {
		return name, nil
	}
	if all := set.Employers(); len(all) == 1 {
		return all[0], nil
	}
	return "", cli.Usagef("several documents: say whose rules are asked, with -employer or \"employer\"")
}

// plain is the attributes of a request as they were written.
func plain(with any) (map[string][]string, error) {
	text, err := json.Marshal(with)
	if err != nil {
		return nil, cli.Usage(err)
	}
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(text, &raw); err != nil {
		return nil, cli.Usagef("with: want an object")
	}
	given := map[string][]string{}
	for name, v := range raw {
		var many []string
		var one string
		switch {
		case json.Unmarshal(v, &many) == nil && many != nil:
			given[name] = many
		case json.Unmarshal(v, &one) == nil:
			given[name] = []string{one}
		default:
			given[name] = []string{string(v)}
		}
	}
	return given, nil
}
