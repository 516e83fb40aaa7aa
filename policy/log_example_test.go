package policy_test

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/deeperpoint/csss/policy"
)

func ExampleReplay() {
	set := exampleSet()
	log := &policy.MemoryLog{} // a host's own Logger writes to its ledger or its disk
	recorder := policy.NewRecorder(log, nil)
	_, record, err := recorder.Explain(context.Background(), set, &policy.Request{
		Employer: "steelcrest", Action: policy.Engage, Category: "machine.capacity.shift2",
		Now: time.Date(2026, 9, 15, 14, 0, 0, 0, time.UTC), Total: 50 * time.Hour,
		Attrs: policy.Attrs{"counterparty.naics": policy.String("333517")},
	})
	if err != nil {
		panic(err)
	}
	fmt.Println(record.Seq, record.Outcome, record.Rules, record.Due[0].Requirement)

	sets := func([32]byte) *policy.Set { return set } // by digest, from the documents that were in force
	report := policy.Replay(slices.Values(log.Records()), sets, log.Payload)
	fmt.Println(report.Decisions, "decided again,", len(report.Mismatches), "differ")

	forged := log.Records()
	forged[0].Outcome, forged[0].Due = policy.Permit, nil
	for _, m := range policy.Replay(slices.Values(forged), sets, log.Payload).Mismatches {
		fmt.Println(m)
	}
	// Output:
	// 1 require_approval [sell] release
	// 1 decided again, 0 differ
	// record 1: outcome: logged permit, got require_approval
	// record 1: due: logged [], got [release:0/1]
}
