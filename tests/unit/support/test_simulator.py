from tests.support.registry import *
import requests
def test_x(registry):
    r = requests.get(registry.url + "/v2/")
    assert r.status_code == 200
