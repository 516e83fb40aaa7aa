package disclosure_test

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/disclosure"
)

// versionOfTheTable changes with any row, guard, effect or timer. Whoever
// changes it keeps the machine it was: sessions that began with it go on by it.
const versionOfTheTable = "62eb6a26d6d6dd4167df211eb923859756fd30c3c9d9a1f51a975a15cf01c1a1"

// formerVersions are the tables that sessions may have begun with.
var formerVersions = []string{"8a5baf29845407581cc367c4047fd54019d1a859c34d59ad0ccabf60c2a3cde9"}

func TestFormerMachinesGoOn(t *testing.T) {
	for _, v := range formerVersions {
		s := opened(t)
		require.NoError(t, s.Machine.UnmarshalText([]byte(v)))
		c := command("c", disclosure.Supply, disclosure.OptIn, t0)
		events, err := disclosure.Decide(s, c, env(s, c, disclosure.HoldGranted))
		require.NoError(t, err)
		assert.Len(t, events, 1)
		assert.NotEmpty(t, disclosure.Due(s, t0.Add(1000*time.Hour)))
	}
}

func TestMachineVersion(t *testing.T) {
	assert.Equal(t, versionOfTheTable, disclosure.MachineVersion().String())
	events, err := disclosure.Open(proposal("s1"))
	require.NoError(t, err)
	assert.Equal(t, disclosure.MachineVersion(), events[0].Machine)
}

// TestAnUnknownMachineStandsStill: a session of a table that this build lacks
// is neither decided nor moved by the clock.
func TestAnUnknownMachineStandsStill(t *testing.T) {
	s := opened(t)
	s.Machine = digest("a later table")
	for _, kind := range disclosure.Kinds() {
		c := command("c", disclosure.Supply, kind, t0)
		events, err := disclosure.Decide(s, c, env(s, c, disclosure.HoldGranted))
		assert.ErrorIs(t, err, disclosure.ErrMachine, kind)
		assert.Empty(t, events)
	}
	assert.Empty(t, disclosure.Due(s, t0.Add(1000*time.Hour)))
	mutant := disclosure.Present().Without("hold-granted")
	s.Machine = mutant.Version()
	c := command("c", disclosure.Supply, disclosure.OptIn, t0)
	_, err := disclosure.Decide(s, c, env(s, c, disclosure.HoldGranted))
	assert.ErrorIs(t, err, disclosure.ErrMachine)
}

func TestEveryGuardHasAPlaceAndAReason(t *testing.T) {
	used := map[string]bool{}
	for _, g := range disclosure.EveryCommand() {
		used[g.ID] = true
	}
	for _, r := range disclosure.Table() {
		for _, g := range r.Guards {
			used[g.ID] = true
		}
		for _, e := range r.Effects {
			for _, g := range e.Guards {
				used[g.ID] = true
			}
		}
	}
	versions := map[disclosure.Digest]bool{disclosure.MachineVersion(): true}
	for _, g := range disclosure.Guards() {
		assert.NotEmpty(t, g.Reason, g.ID)
		assert.True(t, used[g.ID], g.ID)
		m := disclosure.Present().Without(g.ID)
		require.NotNil(t, m, g.ID)
		assert.False(t, versions[m.Version()], "%s is part of the version", g.ID)
		versions[m.Version()] = true
	}
	assert.Nil(t, disclosure.Present().Without("no such guard"))
}

func TestUpcast(t *testing.T) {
	p := proposal("s1")
	old, err := disclosure.Upcast(disclosure.Event{Type: disclosure.SessionProposed, At: t0, Proposal: &p})
	require.NoError(t, err)
	assert.Equal(t, 1, old.V)
	assert.False(t, old.Machine.IsZero(), "what was opened before versions began with the first")
	again, err := disclosure.Upcast(old)
	require.NoError(t, err)
	assert.Equal(t, old, again)
	for _, e := range []disclosure.Event{{Type: disclosure.SessionProposed, V: 2, Proposal: &p}, {Type: disclosure.ChoiceSealed, V: 1}, {V: -1}} {
		_, err = disclosure.Upcast(e)
		assert.ErrorIs(t, err, disclosure.ErrInvalid)
		data, err := e.Encode()
		require.NoError(t, err)
		_, err = disclosure.DecodeEvent(disclosure.Record{Type: string(e.Type), Data: data})
		assert.ErrorIs(t, err, disclosure.ErrInvalid)
	}
}

// TestAnIDNamesOneCommand: whatever field of a command differs under the same
// id is noticed, but for those that a client may send anew.
func TestAnIDNamesOneCommand(t *testing.T) {
	free := map[string]bool{"At": true, "Said": true, "Seq": true, "Under": true, "Bind.Policy": true, "Bind.Expires": true, "Share": true}
	skip := map[string]bool{"ID": true, "Session": true, "Side": true, "Actor": true, "Firm": true} // of another command, another session or a stranger
	s := opened(t)
	c := command("c", disclosure.Supply, disclosure.OptIn, t0)
	s, _ = play(s, c)
	var walk func(path string, get func(*disclosure.Command) reflect.Value)
	walk = func(path string, get func(*disclosure.Command) reflect.Value) {
		other := c
		v := get(&other)
		if v.Kind() == reflect.Struct && v.Type() != reflect.TypeFor[time.Time]() {
			for i := range v.NumField() {
				name := v.Type().Field(i).Name
				if path != "" {
					name = path + "." + name
				}
				walk(name, func(c *disclosure.Command) reflect.Value { return get(c).Field(i) })
			}
			return
		}
		if skip[path] {
			return
		}
		change(t, v)
		_, err := disclosure.Decide(s, other, env(s, other, disclosure.HoldGranted))
		if free[path] {
			assert.NoError(t, err, path)
		} else {
			assert.ErrorIs(t, err, disclosure.ErrStale, path)
		}
	}
	walk("", func(c *disclosure.Command) reflect.Value { return reflect.ValueOf(c).Elem() })
}

// change makes a value another one.
func change(t testing.TB, v reflect.Value) {
	t.Helper()
	switch x := v.Addr().Interface().(type) {
	case *time.Time:
		*x = x.Add(time.Second)
	case *disclosure.Kind:
		*x = disclosure.OptOut
	case *disclosure.Digest:
		x[0]++
	case *[]string:
		*x = append(*x, "other")
	case *[]byte:
		*x = append(*x, 1)
	default:
		switch v.Kind() {
		case reflect.String:
			v.SetString(v.String() + "x")
		case reflect.Int, reflect.Int64:
			v.SetInt(v.Int() + 1)
		case reflect.Uint8, reflect.Uint64:
			v.SetUint(v.Uint() + 1)
		case reflect.Bool:
			v.SetBool(!v.Bool())
		default:
			t.Fatalf("no other value of %s", fmt.Sprint(v.Type()))
		}
	}
}

// BenchmarkStep is one accepted command, decided and folded.
func BenchmarkStep(b *testing.B) {
	s := opened(b)
	m := disclosure.Present()
	for _, kind := range []disclosure.Kind{disclosure.OptIn, disclosure.OptOut, disclosure.View, disclosure.Withdraw, disclosure.Authorize, disclosure.AcceptTerms} {
		b.Run(string(kind), func(b *testing.B) {
			c := command("c", disclosure.Supply, kind, t0)
			c.Stage = disclosure.StageSummary
			e := env(s, c, disclosure.HoldGranted)
			var room [8]disclosure.Event
			b.ReportAllocs()
			for b.Loop() {
				next := s
				_, _ = m.Step(room[:0], &next, &c, &e)
			}
		})
	}
}

// TestStepIsAppendAndEvolve: the quick way to play the machine is the slow one.
func TestStepIsAppendAndEvolve(t *testing.T) {
	m, s := disclosure.Present(), opened(t)
	slow := s
	at := t0
	for n, kind := range []disclosure.Kind{disclosure.OptIn, disclosure.OptIn, disclosure.OptOut, disclosure.Rate, disclosure.Authorize, disclosure.Expire, disclosure.Revive, disclosure.Withdraw} {
		at = at.Add(5 * time.Hour)
		c := command(string(rune('a'+n)), disclosure.Side(n%2), kind, at)
		e := env(s, c, disclosure.HoldGranted)
		quick, err := m.Step(nil, &s, &c, &e)
		events, slowErr := m.Append(nil, &slow, &c, &e)
		for _, ev := range events {
			slow = disclosure.Evolve(slow, ev)
		}
		require.Equal(t, slowErr, err)
		require.Equal(t, events, quick)
		require.Equal(t, slow, s)
	}
}

// TestEarlierDigestsAreKnown: a command that an earlier build accepted is the
// same command today.
func TestEarlierDigestsAreKnown(t *testing.T) {
	c := command("c", disclosure.Supply, disclosure.OptIn, t0)
	for _, d := range disclosure.DigestsOf(c) {
		s, _ := play(opened(t), c)
		s.Actors = disclosure.Accepted(c, d)
		events, err := disclosure.Decide(s, c, env(s, c, disclosure.HoldGranted))
		assert.NoError(t, err)
		assert.Empty(t, events, "repeated")
		other := c
		other.Reason = "another"
		_, err = disclosure.Decide(s, other, env(s, other, disclosure.HoldGranted))
		assert.ErrorIs(t, err, disclosure.ErrStale)
	}
}
