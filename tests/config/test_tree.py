"""Tests of twisted_router.config.tree."""

from twisted.trial.unittest import SynchronousTestCase

from twisted_router.config import tree
from twisted_router.config.report import ConfigError, Report
from twisted_router.config.tree import MAX_CHARS, Node, parse


def _parse(text: str) -> Node:
    report = Report("f")
    root = parse(text, report)
    report.raise_for_problems()
    return root


class ParseTests(SynchronousTestCase):
    """Values keep their text and know their line."""

    def test_scalars_keep_their_text_whatever_yaml_takes_them_for(self) -> None:
        root = _parse("a: 010\nb: yes\nc: '1'\nd: 1:30\ne: 2001-01-01")
        assert isinstance(root.value, dict)
        self.assertEqual(
            ["010", "yes", "1", "1:30", "2001-01-01"],
            [node.value for node in root.value.values()],
        )

    def test_only_what_is_not_quoted_is_null(self) -> None:
        root = _parse("a:\nb: ~\nc: null\nd: 'null'\ne: ''")
        assert isinstance(root.value, dict)
        self.assertEqual(
            [None, None, None, "null", ""],
            [node.value for node in root.value.values()],
        )

    def test_lines_are_those_of_keys_and_of_items(self) -> None:
        root = _parse("# comment\nconsul:\n  wait:\n    5s\nroutes:\n  - a\n  - b\n")
        wait = Node(3, "5s")
        items = (Node(6, "a"), Node(7, "b"))
        self.assertEqual(
            Node(2, {"consul": Node(2, {"wait": wait}), "routes": Node(5, items)}), root
        )

    def test_an_alias_is_what_its_anchor_is(self) -> None:
        root = _parse("a: &x [1]\nb: *x")
        assert isinstance(root.value, dict)
        self.assertEqual(root.value["a"].value, root.value["b"].value)


class RefusalTests(SynchronousTestCase):
    """What is not one sane mapping is a problem with a line, never an exception."""

    def _assert_problems(self, expected: list[str], text: str) -> None:
        error = self.assertRaises(ConfigError, _parse, text)
        self.assertEqual(expected, list(error.problems))

    def test_a_file_without_a_value_is_called_empty(self) -> None:
        for text in ("", "\n\n", "# only a comment\n", "---\n", "~"):
            error = self.assertRaises(ConfigError, _parse, text)
            self.assertIn("got an empty file, expected", str(error))

    def test_a_root_that_is_no_mapping_is_refused(self) -> None:
        self._assert_problems(["f:1: got a list, expected lines of key: value"], "- a")
        self._assert_problems(["f:1: got 'a', expected lines of key: value"], "a")

    def test_a_syntax_error_names_its_line(self) -> None:
        error = self.assertRaises(ConfigError, _parse, "port: 1\nhost: [a\nindex: 2\n")
        self.assertEqual(1, len(error.problems))
        self.assertTrue(error.problems[0].startswith("f:3: not valid YAML: "))

    def test_a_character_that_yaml_forbids_names_its_line(self) -> None:
        self._assert_problems(
            [r"f:2: not valid YAML: character '\x00'"], "port: 1\nhost: a\0"
        )

    def test_an_escape_beyond_unicode_is_a_problem(self) -> None:
        for escape in (r"\UFFFFFFFF", r"\U00110000"):
            error = self.assertRaises(ConfigError, _parse, f'\nhost: "{escape}"')
            self.assertTrue(str(error).startswith("f:2: not valid YAML: "))

    def test_a_second_document_is_refused(self) -> None:
        error = self.assertRaises(ConfigError, _parse, "port: 1\n---\nport: 2\n")
        self.assertIn("single document", str(error))

    def test_each_repeated_key_is_named_with_both_lines(self) -> None:
        self._assert_problems(
            [
                "f:3: a.b: given twice, first on line 2, expected once",
                "f:4: port: given twice, first on line 1, expected once",
            ],
            "port: 1\na: {b: 1,\n    b: 3}\nport: 4\n",
        )

    def test_a_key_that_is_no_text_is_refused(self) -> None:
        self._assert_problems(
            ["f:1: got a list or mapping as a key, expected a name"], "{[a]: b}"
        )

    def test_merge_keys_are_refused(self) -> None:
        self._assert_problems(
            ["f:2: b.'<<': merge keys are not supported, expected a name"],
            "a: &a {x: 1}\nb: {<<: *a}",
        )

    def test_a_tag_is_refused_and_not_taken_for_text(self) -> None:
        error = self.assertRaises(
            ConfigError, _parse, "a: !vault abc\nb: !!python/none"
        )
        self.assertEqual(
            [True, True],
            [": has a tag (!), expected a plain" in line for line in error.problems],
        )

    def test_an_unquoted_password_is_not_repeated(self) -> None:
        for text in ("*hunter2", "&hunter2 &hunter2 a", "!hunter2!x y", "!hunter2 y"):
            error = self.assertRaises(ConfigError, _parse, f"status: {{pass: {text}}}")
            self.assertNotIn("hunter2", str(error))


class LimitTests(SynchronousTestCase):
    """Nothing a text can say takes much time or stack."""

    def _assert_problem(self, expected: str, text: str) -> None:
        error = self.assertRaises(ConfigError, _parse, text)
        self.assertEqual(1, len(error.problems))
        self.assertIn(expected, str(error))

    def test_deep_nesting_is_refused(self) -> None:
        self._assert_problem("f:1: nested deeper than 30 levels", "a: " + "[" * 10_000)

    def test_a_huge_file_is_not_read(self) -> None:
        self._assert_problem(
            f"f:1: more than {MAX_CHARS} characters", "#" * (MAX_CHARS + 1)
        )

    def test_too_many_values_are_refused(self) -> None:
        self.patch(tree, "MAX_VALUES", 100)
        self._assert_problem("f:1: more than 100 values", "a: [" + "1," * 100 + "]")

    def test_aliases_of_aliases_are_read_once(self) -> None:
        lines = ["a0: &a0 [x, x]"]
        lines += [
            f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 20)
        ]
        self.assertEqual(1, _parse("\n".join(lines)).line)

    def test_a_value_that_contains_itself_is_refused(self) -> None:
        self._assert_problem("f:1: a[0]: contains itself, by an alias", "a: &a [*a]")
        self._assert_problem("f:1: b: contains itself, by an alias", "&a {b: *a}")
