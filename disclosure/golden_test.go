package disclosure_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/disclosure"
)

var record = flag.Bool("record", false, "record the golden sessions of this version")

// golden is a session as a version of this package wrote it.
type golden struct {
	Records  []goldenRecord         `json:"records"`
	Commands []disclosure.Command   `json:"commands"`
	Receipts []disclosure.Receipt   `json:"receipts"`
	State    map[string]any         `json:"state"`
	Status   [2][]disclosure.Status `json:"status"` // at half an hour, and after a hundred days
}

type goldenRecord struct {
	Type string          `json:"type"`
	Data json.RawMessage `json:"data"`
	Size int             `json:"size"`
}

// goldenStories are the ways through the machine that every version records.
var goldenStories = map[string][]struct {
	side disclosure.Side
	at   time.Duration
	kind disclosure.Kind
}{
	"engagement": {
		{0, 0, disclosure.OptIn}, {1, 0, disclosure.OptIn}, {0, 0, disclosure.Authorize}, {1, 0, disclosure.Authorize},
		{0, time.Hour, disclosure.View}, {0, time.Hour, disclosure.AcceptTerms}, {1, time.Hour, disclosure.AcceptTerms},
		{1, 2 * time.Hour, disclosure.Start}, {0, 3 * time.Hour, disclosure.Dispute}, {0, 4 * time.Hour, disclosure.MarkDone},
		{1, 4 * time.Hour, disclosure.MarkDone}, {0, 5 * time.Hour, disclosure.Rate}, {1, 5 * time.Hour, disclosure.Rate}},
	"revival": {
		{0, 0, disclosure.OptIn}, {1, 0, disclosure.OptOut}, {1, time.Minute, disclosure.Deny}, {1, 2 * time.Minute, disclosure.Authorize},
		{1, 3 * time.Minute, disclosure.RevokeAuth}, {0, 25 * time.Hour, disclosure.Revive}, {0, 27 * time.Hour, disclosure.OptIn},
		{1, 27 * time.Hour, disclosure.OptIn}, {0, 27 * time.Hour, disclosure.Authorize}, {1, 27 * time.Hour, disclosure.Authorize},
		{1, 28 * time.Hour, disclosure.RevokeAuth}, {0, 28 * time.Hour, disclosure.View}},
	"withdrawal": {
		{1, 0, disclosure.OptIn}, {0, time.Minute, disclosure.Withdraw}, {1, 2 * time.Hour, disclosure.Expire}},
}

func goldenFile(version, story string) string {
	return filepath.Join("testdata", "sessions", version, story+".json")
}

// TestRecordGoldenSessions writes what this version does, once per version of
// the events: go test -run TestRecordGoldenSessions -record.
func TestRecordGoldenSessions(t *testing.T) {
	if !*record {
		t.Skip("only with -record")
	}
	for story, moves := range goldenStories {
		w := newWorld(t)
		var g golden
		for i, m := range moves {
			c := command(string(rune('a'+i)), m.side, m.kind, t0.Add(m.at))
			r, err := w.e.Do(t.Context(), c)
			if m.kind != disclosure.Expire {
				require.NoError(t, err, "%s %d %s", story, i, m.kind)
			}
			g.Commands, g.Receipts = append(g.Commands, c), append(g.Receipts, r)
		}
		for r, err := range w.log.Read(t.Context(), disclosure.StreamOf("s1"), 0) {
			require.NoError(t, err)
			g.Records = append(g.Records, goldenRecord{Type: r.Type, Data: r.Data, Size: len(r.Data)})
		}
		g.State = stateMap(t, w.state())
		g.Status = goldenStatus(w.state())
		data, err := json.MarshalIndent(g, "", " ")
		require.NoError(t, err)
		file := goldenFile("v2", story)
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, append(data, '\n'), 0o644))
	}
}

func goldenStatus(s disclosure.State) (out [2][]disclosure.Status) {
	for side := range disclosure.Side(2) {
		for _, at := range []time.Duration{30 * time.Minute, 100 * 24 * time.Hour} {
			out[side] = append(out[side], observation(s, side, t0.Add(at)))
		}
	}
	return out
}

// stateMap is a state as JSON, without what only this version keeps.
func stateMap(t testing.TB, s disclosure.State) (m map[string]any) {
	t.Helper()
	data, err := json.Marshal(s)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &m))
	delete(m, "machine")
	return m
}

// TestGoldenSessionsFold: every session that an earlier version wrote folds to
// the state it had then, answers the same to both sides, and repeats its
// receipts.
func TestGoldenSessionsFold(t *testing.T) {
	files, err := filepath.Glob(goldenFile("*", "*"))
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(files), len(goldenStories))
	for _, file := range files {
		t.Run(file, func(t *testing.T) {
			data, err := os.ReadFile(file)
			require.NoError(t, err)
			var g golden
			require.NoError(t, json.Unmarshal(data, &g))
			s := goldenFold(t, g.Records)
			assert.Equal(t, g.State, stateMap(t, s))
			assert.Equal(t, g.Status, goldenStatus(s))
		})
	}
}

// goldenFold reads the records back at the size they had on the log.
func goldenFold(t testing.TB, records []goldenRecord) (s disclosure.State) {
	t.Helper()
	for _, r := range records {
		data := make([]byte, 0, r.Size)
		data = append(data, compact(t, r.Data)...)
		for len(data) < r.Size {
			data = append(data, ' ')
		}
		e, err := disclosure.DecodeEvent(disclosure.Record{Type: r.Type, Data: data})
		require.NoError(t, err)
		s = disclosure.Evolve(s, e)
	}
	return s
}

func compact(t testing.TB, data json.RawMessage) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, json.Compact(&b, data))
	return b.Bytes()
}

// TestGoldenReceiptsRepeat: a client that asks again for what an earlier
// version answered gets that answer, and nothing happens.
func TestGoldenReceiptsRepeat(t *testing.T) {
	files, err := filepath.Glob(goldenFile("*", "*"))
	require.NoError(t, err)
	for _, story := range files {
		data, err := os.ReadFile(story)
		require.NoError(t, err)
		var g golden
		require.NoError(t, json.Unmarshal(data, &g))
		log := newLog()
		for i, r := range g.Records {
			b := compact(t, r.Data)
			_, err := log.Append(t.Context(), string(rune('a'+i)), disclosure.Record{Stream: disclosure.StreamOf("s1"), Type: r.Type,
				Data: append(b, bytes.Repeat([]byte(" "), r.Size-len(b))...)})
			require.NoError(t, err)
		}
		e := newEngine(t, log, &rules{}, &store{})
		for i, c := range g.Commands {
			if c.Kind == disclosure.Expire {
				continue
			}
			got, err := e.Do(t.Context(), c)
			require.NoError(t, err, "%s %d %s", story, i, c.Kind)
			assert.Equal(t, g.Receipts[i], got, "%s %d %s", story, i, c.Kind)
		}
		assert.Equal(t, len(g.Records), log.Appends())
	}
}
