"""axe-core (https://github.com/dequelabs/axe-core), which finds what shuts people out of a page."""

import npm

SHA256 = "e6b0ce02b84d892e2e33e403485e7f3d6c29e2be6df65daf44d89ba564139745"  # of the package

RUN = """
axe.run(document, { resultTypes: ["violations"] }).then(({ violations }) => violations.flatMap(({ id, nodes }) =>
  nodes.slice(0, 3).map(({ html, any }) => `${id}: ${html.slice(0, 160)} ${any.map(({ message }) => message)}`)))
"""


def violations(page):
    """What is wrong with a page. The program comes from outside, so the page's policy need not let it in."""
    page.run("!!window.axe") or page.run(f"{npm.source('axe-core', '4.14.1', SHA256, 'axe.min.js')}; 0")
    return page.run(RUN)
