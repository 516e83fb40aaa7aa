package csss_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss"
	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/match"
)

func smokePolicy(firm, category, extra string) []byte {
	return []byte(`apiVersion: csss.policy/v1
employer: ` + firm + `
version: 1
zone: America/Toronto
approvals:
  - {id: release, seats: [operations_director, owner], need: 1, expires: 72h}
rules:
  - {id: open, effect: permit, actions: [publish, register, match, summarise], categories: [` + category + `], approval: auto}
  - {id: deal, effect: permit, actions: [reveal, engage], categories: [` + category + `], approval: release}
` + extra)
}

func TestSmoke(t *testing.T) {
	ctx := t.Context()
	x, err := csss.Open(ctx, csss.Config{K: 3, KPeople: 3})
	require.NoError(t, err)
	defer x.Close()
	at := time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)
	var in csss.Import
	for i := range 5 {
		id := fmt.Sprintf("firm-%d", i)
		in.Firms = append(in.Firms, csss.Firm{ID: id, LegalName: fmt.Sprintf("Zorbx%d Precision", i), Country: "Ontario", NAICS: "332710",
			Sites:  []csss.Site{{ID: "s" + id, City: "Hamilton", Region: "hamilton_niagara", Zone: "America/Toronto", At: match.Point{Lat: 43.25, Lon: -79.87}}},
			People: []csss.Person{{ID: "p" + id, Name: fmt.Sprintf("V. Quxley%d", i), Roles: []string{"operations_director"}}}})
		cat := "machine.capacity"
		if i == 4 {
			cat = "demand.machining"
		}
		in.Policies = append(in.Policies, csss.PolicyText{Firm: id, Name: id + ".yaml", Text: smokePolicy(id, cat, "")})
		if i < 4 {
			in.Offers = append(in.Offers, csss.Publication{By: csss.By{Firm: id, Person: "p" + id}, Offer: match.Offer{ID: "o" + id, Resource: "r" + id,
				Kind: match.MachineCapacity, Category: "machine.capacity.shift2", Text: "five-axis milling of titanium", Currency: "CAD", Floor: match.NewBound(9500 + int64(i)*100),
				Properties: map[string]match.Property{"machine_type": match.Terms("5_axis_machining_center"), "material_family": match.Terms("titanium")},
				Windows:    []match.Window{{Zone: "America/Toronto", Start: "2026-09-14T16:00", End: "2026-09-15T00:30", RRule: "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH;COUNT=20", Productive: 8 * time.Hour}},
				Units:      2, Quantity: match.Quantity{Unit: match.Hours, MinLot: 4000}}})
		}
	}
	in.Comparables = map[string][]int64{"machine.capacity.shift2": {11000, 12000, 13000}}
	_, err = x.Import(ctx, csss.By{ID: "load", At: at}, in)
	require.NoError(t, err)
	d := csss.By{Firm: "firm-4", Person: "pfirm-4", At: at}
	_, err = x.Register(ctx, d, match.Need{ID: "n1", Kind: match.MachineCapacity, Category: "machine.capacity", Governance: "demand.machining",
		Text: "five-axis titanium machining", Currency: "CAD", Ceiling: match.NewBound(15000), RadiusKM: 60,
		From: time.Date(2026, 9, 14, 4, 0, 0, 0, time.UTC), Until: time.Date(2026, 10, 23, 4, 0, 0, 0, time.UTC),
		Quantity: match.Quantity{Unit: match.Hours, Value: 50000}, MinBlock: 4000})
	require.NoError(t, err)
	ms, err := x.Match(ctx, d, "n1")
	require.NoError(t, err)
	require.Len(t, ms.Candidates, 4)
	t.Logf("%+v", ms.Candidates[0])
	h := ms.Candidates[0].Handle
	_, err = x.Select(ctx, d, h)
	require.NoError(t, err)
	_, err = x.OptIn(ctx, d, h)
	require.NoError(t, err)
	_, err = x.Approve(ctx, d, h, "")
	require.NoError(t, err)
	var sup csss.By
	var sh disclosure.Handle
	for i := range 4 {
		by := csss.By{Firm: fmt.Sprintf("firm-%d", i), Person: fmt.Sprintf("pfirm-%d", i), At: at}
		tasks, err := x.Inbox(ctx, by)
		require.NoError(t, err)
		if len(tasks) > 0 {
			t.Logf("%+v", tasks)
			sup, sh = by, tasks[0].Handle
		}
	}
	_, err = x.Approve(ctx, sup, sh, "")
	require.NoError(t, err)
	_, err = x.View(ctx, d, h, disclosure.StageIdentity)
	require.Error(t, err)
	t.Log(err)
	_, err = x.OptIn(ctx, sup, sh)
	require.NoError(t, err)
	v, err := x.View(ctx, d, h, disclosure.StageIdentity)
	require.NoError(t, err)
	t.Logf("%+v %v", v.Identity.Open(), v.Deal)
	for _, b := range []struct {
		by csss.By
		h  disclosure.Handle
	}{{d, h}, {sup, sh}} {
		_, err = x.AcceptTerms(ctx, b.by, b.h, v.Deal.TermsDigest)
		require.NoError(t, err)
	}
	st, err := x.Status(ctx, d, h)
	require.NoError(t, err)
	require.Equal(t, disclosure.Engaged, st.Phase)
	tr, err := x.Trail(ctx, d, h)
	require.NoError(t, err)
	for _, s := range tr.Steps {
		t.Log(s.Name, s.Side)
	}
	require.NoError(t, tr.Verify(x.VerifierKey()))
	live, err := x.Digest()
	require.NoError(t, err)
	again, err := x.Replay(ctx)
	require.NoError(t, err)
	require.Equal(t, live, again)
}
