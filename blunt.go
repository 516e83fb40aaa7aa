package csss

import (
	"crypto/sha256"
	"encoding/hex"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/deeperpoint/csss/match"
)

// What a listing states about itself is also a question to the other side: a
// circle around a place, a list of employers not to meet. Each is made too
// blunt to find anybody with.

// radiusStep is what radii are rounded down to, in km, and the smallest one.
const radiusStep = 5

// excluded is the list of employer groups that a firm refuses, as one digest,
// and since when.
type excluded struct {
	list string
	at   time.Time
}

// blunt checks and coarsens a listing's place, circle and exclusions. A site
// must be one of the firm's own, a radius becomes a multiple of 5 km, and the
// employer groups that a firm refuses may change once in a window: a firm that
// could vary them would learn whom it meets.
func (st *state) blunt(f *Firm, site match.Point, radius *float64, ex match.Exclusion, at time.Time) error {
	if !slices.ContainsFunc(f.Sites, func(s Site) bool { return s.At == site }) {
		return &InputError{Field: "site", Limit: "must be one of the firm's registered sites"}
	}
	if *radius > 0 {
		*radius = max(math.Floor(*radius/radiusStep), 1) * radiusStep
	}
	if old, ok := st.excluded[f.ID]; ok && len(ex.Groups) > 0 && old.list != groupsDigest(ex) && at.Sub(old.at) < st.window {
		return &InputError{Field: "exclude.groups", Limit: "may change once in " + st.window.String()}
	}
	return nil
}

// groupsDigest names a list of groups whatever its order.
func groupsDigest(ex match.Exclusion) string {
	sum := sha256.Sum256([]byte(strings.Join(slices.Sorted(slices.Values(ex.Groups)), "\x00")))
	return hex.EncodeToString(sum[:8])
}

// noteExcluded remembers a firm's refused groups.
func (st *state) noteExcluded(firm string, ex match.Exclusion, at time.Time) {
	if list := groupsDigest(ex); len(ex.Groups) > 0 && st.excluded[firm].list != list {
		st.excluded[firm] = excluded{list: list, at: at}
	}
}
