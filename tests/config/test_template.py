"""Tests of twisted_router.config.template."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.fakes.docker_json import container_json
from twisted_router.config.template import Template, TemplateError

CONTAINER = container_json(
    env=["A=1", "B=2"], labels={"team.name": "Shop", "arn": "a:b:task/42"}
)


class RenderTests(SynchronousTestCase):
    """Go's text/template with registrator's functions, as far as they are known."""

    def test_every_form_gives_what_registrator_gives(self) -> None:
        for text, expected in (
            ("", ""),
            ("a,b", "a,b"),
            ("{{.Config.Image}}", "nginx:1.25"),
            ("img={{ .Config.Image }},x", "img=nginx:1.25,x"),
            ("{{strSlice .ID 0 12}}", "000000000001"),
            ("{{strSlice .Name 1}}", "web"),
            ('{{strSlice "ab" 5}}', "ab"),
            ('{{index .Config.Labels "team.name"}}', "Shop"),
            ('{{index .Config.Labels "none"}}', ""),
            ("{{index .Config.Env 1}}{{index .Config.Env 2}}", "B=2"),
            ('{{mIndex "arn" .Config.Labels | splitIndex -1 "/"}}', "42"),
            ('{{mIndex "none" .Config.Labels}}', ""),
            ("{{sIndex 0 .Config.Env}} {{sIndex 9 .Config.Env}}", "A=1 B=2"),
            ("{{sIndex -9 .Config.Env}}", "A=1"),
            ('{{toUpper "a"}}{{"B" | toLower}}', "Ab"),
            ('{{replace -1 "=" "" "=a="}}{{replace 1 "=" "" "=a="}}', "aa="),
            ('{{join "+" .Config.Env}}', "A=1+B=2"),
            ('{{join "+" (split "," "a,b")}}', "a+b"),
            ("{{.Config.Env}}", "[A=1 B=2]"),
            ("{{matchFirstElement `^[BC]=` .Config.Env}}", "B=2"),
            ("{{matchFirstElement `^C=` .Config.Env}}", ""),
            ('{{matchAllElements "=[12]$" .Config.Env | join ","}}', "A=1,B=2"),
            ("{{.State.Running}} {{.RestartCount}}", "true 0"),
            ("a {{- `b` -}} c", "abc"),
            (r'{{"\"x"}}', '"x'),
        ):
            self.assertEqual(expected, Template(text).render(CONTAINER), text)

    def test_a_field_that_is_not_there_is_an_error_that_names_it(self) -> None:
        error = self.assertRaises(
            TemplateError, Template("{{.Config.Imag}}").render, CONTAINER
        )
        self.assertEqual("there is no .Config.Imag", str(error))

    def test_what_is_no_text_is_an_error(self) -> None:
        for text in (
            "{{.Config}}",
            "{{toUpper .Config}}",
            "{{sIndex 0 .Config.Foo}}",
            "{{matchFirstElement `(` .Config.Env}}",
        ):
            self.assertRaises(TemplateError, Template(text).render, CONTAINER)

    def test_a_list_without_elements_has_none(self) -> None:
        data: dict[str, Any] = {"Args": []}
        self.assertRaises(TemplateError, Template("{{sIndex 0 .Args}}").render, data)


class ParseTests(SynchronousTestCase):
    """What is not known is refused before there is a container."""

    def test_what_is_not_supported_is_refused_by_name(self) -> None:
        for text, named in (
            ('{{httpGet "http://x/"}}', "httpGet is not supported"),
            ("{{if .Config}}a{{end}}", "if is not supported"),
            ("{{range .Config.Env}}{{.}}{{end}}", "range is not supported"),
            ("{{$x := 1}}", "$x := 1 is not supported"),
            ("{{toUpper}}", "toUpper takes 1 argument"),
            ("{{.A | .B}}", "no function after |"),
            ("{{.A .B}}", "out of place"),
            ("{{}}", "lacks something"),
            ("{{(.A}}", "( is not closed"),
            ("{{toUpper )}}", "toUpper takes"),
            ("{{)}}", "out of place"),
            ("{{.A", "do not pair up"),
            ("a}}", "do not pair up"),
            (r'{{"\q"}}', "backslash"),
        ):
            error = self.assertRaises(TemplateError, Template, text)
            self.assertIn(named, str(error), text)
