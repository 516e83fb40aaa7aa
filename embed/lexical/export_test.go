package lexical

// FunctionWord says whether a word is on the list; the list itself is data, which a twin need not repeat.
func FunctionWord(w string) bool { _, ok := functionWords[w]; return ok }
