package sdjwt

import "fmt"

const (
	// MaxDigests is how many digests one token may carry, decoys and disclosed values included.
	MaxDigests = 4096
	// MaxDisclosures is how many disclosures may travel with a token.
	MaxDisclosures = 1024
)

// Claims are what a token says once its digests have been replaced by the claims disclosed: maps, slices, strings,
// [encoding/json.Number], booleans and nil.
type Claims map[string]any

// A resolver puts disclosures in the places of their digests: RFC 9901, 7.1, steps 3 to 5. It changes nothing that it
// is given.
type resolver struct {
	disclosures []Disclosure
	byDigest    map[string]int
	paths       []string            // of the disclosures found; empty for the others
	seen        map[string]struct{} // digests
}

func newResolver(disclosures []Disclosure) *resolver {
	r := &resolver{
		disclosures: disclosures,
		byDigest:    make(map[string]int, len(disclosures)),
		paths:       make([]string, len(disclosures)),
		seen:        make(map[string]struct{}, 2*len(disclosures)),
	}
	for i, d := range disclosures {
		r.byDigest[d.digest] = i
	}
	return r
}

func (r *resolver) resolve(payload map[string]any) (Claims, error) {
	hash, named := payload[nameHash]
	if named && hash != hashName { // check: the hash is sha-256
		return nil, fmt.Errorf("%w: digests want %s", ErrAlgorithm, hashName)
	}
	claims, err := r.object(payload, "", 0)
	if err != nil {
		return nil, err
	}
	for i, path := range r.paths {
		if path == "" { // check: each disclosure has its digest
			return nil, fmt.Errorf("%w: disclosure %d has no digest", ErrDigest, i)
		}
	}
	delete(claims, nameHash)
	return claims, nil
}

func (r *resolver) value(v any, path string, depth int) (any, error) {
	switch v := v.(type) {
	case map[string]any:
		return r.object(v, path, depth)
	case []any:
		return r.array(v, path, depth)
	}
	return v, nil
}

func (r *resolver) object(object map[string]any, path string, depth int) (map[string]any, error) {
	if depth >= MaxDepth { // check: disclosed objects are not too deep
		return nil, fmt.Errorf("%w: nested deeper than %d", ErrLimit, MaxDepth)
	}
	out := make(map[string]any, len(object))
	for _, name := range sortedNames(object) {
		if name == nameDigests {
			continue
		}
		if name == nameElement { // check: no claim has the name of a placeholder
			return nil, fmt.Errorf("%w: reserved name", ErrMalformed)
		}
		v, err := r.value(object[name], join(path, name), depth+1)
		if err != nil {
			return nil, err
		}
		out[name] = v
	}
	return out, r.members(out, object, path, depth)
}

// members adds to out what the digests of an object disclose.
func (r *resolver) members(out, object map[string]any, path string, depth int) error {
	listed, has := object[nameDigests]
	if !has {
		return nil
	}
	digests, ok := listed.([]any)
	if !ok { // check: digests are a list
		return fmt.Errorf("%w: %s is no array", ErrMalformed, nameDigests)
	}
	for _, digest := range digests {
		i, found, err := r.take(digest)
		if err != nil {
			return err
		}
		if !found {
			continue
		}
		if err := r.member(out, i, path, depth); err != nil {
			return err
		}
	}
	return nil
}

func (r *resolver) member(out map[string]any, i int, path string, depth int) error {
	d := r.disclosures[i]
	_, taken := out[d.name]
	switch {
	case d.element: // check: members of objects have names
		return fmt.Errorf("%w: %d is an element, but its digest is an object's", ErrDisclosure, i)
	case d.name == nameDigests || d.name == nameElement || path == "" && d.name == nameHash: // check: no disclosure has a reserved name
		return fmt.Errorf("%w: %d has a reserved name", ErrDisclosure, i)
	case taken: // check: no disclosure replaces a claim
		return fmt.Errorf("%w: %d has a name that is taken", ErrDisclosure, i)
	}
	r.paths[i] = join(path, d.name)
	v, err := r.value(d.value, r.paths[i], depth+1)
	out[d.name] = v
	return err
}

func (r *resolver) array(array []any, path string, depth int) ([]any, error) {
	if depth >= MaxDepth { // check: disclosed arrays are not too deep
		return nil, fmt.Errorf("%w: nested deeper than %d", ErrLimit, MaxDepth)
	}
	out := make([]any, 0, len(array))
	for index, v := range array {
		path := fmt.Sprintf("%s/%d", path, index)
		digest, isPlace, err := placeholder(v)
		if err != nil {
			return nil, err
		}
		if isPlace {
			var found bool
			if v, found, err = r.element(digest, path); err != nil {
				return nil, err
			}
			if !found {
				continue
			}
		}
		if v, err = r.value(v, path, depth+1); err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

// placeholder returns the digest that stands in the place of an element.
func placeholder(v any) (digest any, ok bool, err error) {
	object, _ := v.(map[string]any)
	digest, ok = object[nameElement]
	if ok && len(object) != 1 { // check: a placeholder has one member
		return nil, false, fmt.Errorf("%w: placeholder with other members", ErrMalformed)
	}
	return digest, ok, nil
}

func (r *resolver) element(digest any, path string) (any, bool, error) {
	i, found, err := r.take(digest)
	if err != nil || !found {
		return nil, false, err
	}
	d := r.disclosures[i]
	if !d.element { // check: elements of arrays have no names
		return nil, false, fmt.Errorf("%w: %d has a name, but its digest is an array's", ErrDisclosure, i)
	}
	r.paths[i] = path
	return d.value, true, nil
}

// take notes a digest and finds its disclosure.
func (r *resolver) take(v any) (i int, found bool, err error) {
	digest, ok := v.(string)
	if !ok { // check: digests are text
		return 0, false, fmt.Errorf("%w: digest is no string", ErrMalformed)
	}
	_, twice := r.seen[digest]
	if twice { // check: digests occur once
		return 0, false, fmt.Errorf("%w: a digest occurs twice", ErrDigest)
	}
	if len(r.seen) >= MaxDigests { // check: digests are not too many
		return 0, false, fmt.Errorf("%w: more than %d digests", ErrLimit, MaxDigests)
	}
	r.seen[digest] = struct{}{}
	i, found = r.byDigest[digest]
	return i, found, nil
}
