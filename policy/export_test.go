package policy

// IsWord and IsCategory are the forms of ids and of categories.
var (
	IsWord     = isWord
	IsCategory = isCategory
)
