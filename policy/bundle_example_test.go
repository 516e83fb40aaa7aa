package policy_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"time"

	"github.com/deeperpoint/csss/policy"
)

func ExampleKeyring_Apply() {
	// The firm signs; its key is in a device or a file of its own.
	secret := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize))
	now := time.Date(2026, 9, 15, 14, 0, 0, 0, time.UTC)
	bundle, err := policy.SignBundle(nil, policy.Source{Name: "steelcrest.yaml", Text: []byte(shiftRules)}, now, now.AddDate(0, 0, 30), secret)
	if err != nil {
		panic(err)
	}
	sent, _ := bundle.MarshalText()
	fmt.Println(string(sent[:bytes.IndexByte(sent, '\n')]))

	// The host has pinned the firm's public key.
	keys, err := policy.NewKeyring(policy.Key{Employer: "steelcrest", Public: secret.Public().(ed25519.PublicKey)})
	if err != nil {
		panic(err)
	}
	received, err := policy.ParseBundle(sent)
	if err != nil {
		panic(err)
	}
	set, changes, err := keys.Apply(nil, now, received)
	if err != nil {
		panic(err)
	}
	fmt.Println(set.Employers(), "version", changes[0].OldVersion, "->", changes[0].Version)

	// A month later the same bytes are refused: an old permission cannot be brought back.
	_, _, err = keys.Apply(set, now.AddDate(0, 0, 30), received)
	fmt.Println(errors.Is(err, policy.ErrBundleExpired), err)
	// Output:
	// csss.policy/bundle/v1
	// [steelcrest] version 0 -> 7
	// true policy: bundle: expired (bundle 0: 2026-10-15T14:00:00Z: valid until 2026-10-15T14:00:00Z)
}
