package sdjwt

import (
	"crypto"
	"crypto/subtle"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/deeperpoint/csss/disclosure"
)

const (
	// CommitmentType is the typ of a commitment, so that no other token passes for one.
	CommitmentType = "commitment+sd-jwt"
	// DefaultSlots is how many digests a commitment shows without [CommitOptions.Slots].
	DefaultSlots = 32

	claimSession = "session"
)

// CommitOptions says how fields are committed to.
type CommitOptions struct {
	// Slots is how many digests a commitment shows, however many fields there are. It has to be the same for all, or it
	// tells one kind of commitment from another. Default: [DefaultSlots].
	Slots int
	// Expires is when the commitment lapses, in whole seconds. It shows; use the session's hard expiry, which both sides
	// know. Default: never.
	Expires time.Time
	// Holder is the key that must sign a key binding. It shows; use a fresh one for each session. Default: none.
	Holder crypto.PublicKey
	// Salts is where salts and decoys come from; tests set it. Default: [crypto/rand.Reader].
	Salts io.Reader
}

// Commit signs a commitment to all fields that later stages may show, for one session: the handle by which the other
// side knows it, not one that is used elsewhere. Salts are fresh, so no two commitments can be recognised as of one
// listing; see the package comment for the signer. What the result presents with no path is for the other side, at
// once; its size depends on the options and the length of session only. What it presents with the paths of fields is
// for the reveal. Its digest is for the log. The result itself is to be kept as secret as the fields.
//
// It costs some 4 µs for each slot, and the signature. It fails with [ErrClaims] if session or a field's name
// is empty, [ErrLimit] if there are more fields than slots, and as [Issue] does.
func Commit(session string, fields map[string]any, signer crypto.Signer, o *CommitOptions) (*SDJWT, error) {
	if o == nil {
		o = &CommitOptions{}
	}
	slots := o.Slots
	if slots == 0 {
		slots = DefaultSlots
	}
	paths, err := fieldPaths(session, fields)
	if err != nil {
		return nil, err
	}
	claims := make(map[string]any, len(fields)+2)
	maps.Copy(claims, fields)
	claims[claimSession] = session
	if !o.Expires.IsZero() {
		claims["exp"] = seconds(o.Expires)
	}
	return Issue(claims, signer, &IssueOptions{
		Type:        CommitmentType,
		Disclosable: paths,
		Pad:         map[string]int{"": slots},
		Holder:      o.Holder,
		Salts:       o.Salts,
	})
}

// fieldPaths refuses names that would always show, since their values would.
func fieldPaths(session string, fields map[string]any) ([]string, error) {
	if session == "" {
		return nil, fmt.Errorf("%w: no session", ErrClaims)
	}
	var paths []string
	for name := range fields {
		if name == "" || name == claimSession || slices.Contains(always, name) {
			return nil, fmt.Errorf("%w: reserved name", ErrClaims)
		}
		paths = append(paths, Path(name))
	}
	return paths, nil
}

// Open checks what a commitment opened to: that it is the one whose digest was logged, for this session, by this signer,
// and that each field shown was committed to. It returns those fields. The options' Types and Require do not apply.
//
// It fails with [ErrCommitment] for another commitment or another session, and as [SDJWT.Verify] does.
func Open(compact string, committed disclosure.Digest, session string, signer crypto.PublicKey, o *VerifyOptions) (Claims, error) {
	s, err := Parse(compact)
	if err != nil {
		return nil, err
	}
	digest := s.Digest()
	if subtle.ConstantTimeCompare(digest[:], committed[:]) != 1 { // check: it is the commitment logged
		return nil, fmt.Errorf("%w that was logged", ErrCommitment)
	}
	var options VerifyOptions
	if o != nil {
		options = *o
	}
	options.Types, options.Require = []string{CommitmentType}, nil
	claims, err := s.Verify(signer, &options)
	if err != nil {
		return nil, err
	}
	if claims[claimSession] != session { // check: it is for the session
		return nil, fmt.Errorf("%w of this session", ErrCommitment)
	}
	delete(claims, claimSession)
	for _, name := range always {
		delete(claims, name)
	}
	return claims, nil
}
