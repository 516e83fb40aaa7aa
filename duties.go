package csss

import (
	"slices"
)

// Obligations that rules may ask for and every exchange carries out.
const (
	RedactText   = "redact_text"   // names and contacts are taken out of a listing's text before it is stored, indexed or summarised
	HideIdentity = "hide_identity" // who a side is, is shown after both sides and both employers have agreed, and not before
	LogViews     = "log_views"     // what a side looks at in a session is in the ledger before it is shown
	LogDecisions = "log_decisions" // every decision of a step is in Config.Decisions before anything comes of it; only with one
)

// obligations are those that the exchange and its host carry out.
func (c *Config) obligations() []string {
	list := append([]string{RedactText, HideIdentity, LogViews}, c.Knows...)
	if c.Decisions != nil {
		list = append(list, LogDecisions)
	}
	slices.Sort(list)
	return slices.Compact(list)
}
