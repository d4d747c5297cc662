"""The same tree as the product's; `pipeline` is the whole of it in one object."""

import pytest

pytest.register_assert_rewrite("event_platform_tests.pipeline")
