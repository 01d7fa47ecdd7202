//! Command lines as a shell takes them: those that are shown to be run again, and those of records read back.

/// `text` as one word of a command line.
pub fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=:,@%".contains(c);
    match text.chars().all(plain) && !text.is_empty() {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

/// The words of a command line, with what [`quoted`] did undone.
pub fn words(command: &str) -> Vec<String> {
    let (mut words, mut quoted) = (vec![String::new()], false);
    let mut chars = command.chars();
    while let Some(c) = chars.next() {
        match c {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            '\\' if !quoted => words.last_mut().into_iter().for_each(|word| word.extend(chars.next())),
            c => words.last_mut().into_iter().for_each(|word| word.push(c)),
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_stays_one_word() {
        assert_eq!(quoted("/data/my-photos_2.0"), "/data/my-photos_2.0");
        assert_eq!(quoted("a/b-1.npz"), "a/b-1.npz");
        assert_eq!(quoted("/data/my photos"), "'/data/my photos'");
        assert_eq!(quoted("my set's.npz"), r"'my set'\''s.npz'");
        assert_eq!(quoted(""), "''");
    }

    #[test]
    fn words_are_read_back_as_they_were() {
        for path in ["/data/photos", "/data/my photos", "it's", r"back\slash", "a --b '' c", ""] {
            let command = format!("cargo xtask reproduce --dataset {} --seeds 2", quoted(path));
            assert_eq!(words(&command)[4..], [path, "--seeds", "2"]);
        }
    }
}
