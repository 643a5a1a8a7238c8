"""Names of people: what is found on which evidence, and what looks like a name and is none.

All names and numbers are made up.
"""

import re
import time

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pii.detector import Detector
from pii.family_names import is_name
from pii.rule import FOLD
from pii.rules import contact, form_names, names, near_names, places
from tests.pii_texts import full_width

RULES = (*names.RULES, *form_names.RULES, *near_names.RULES)
DETECTOR = Detector([*contact.RULES, *RULES, *places.RULES])


def found(text: str) -> list[tuple[str, str, str]]:
    return [
        (entity.type, text[entity.start : entity.end], entity.grade)
        for entity in DETECTOR.find(text)
        if entity.type == "PERSON"
    ]


NAMES = [
    ("姓名：张三，性别：男", "张三"),
    ("姓 名：李 雷", "李 雷"),
    ("姓名\t王小明\t电话", "王小明"),
    ("姓名张三性别男", "张三"),
    ("联系人：王丽华女士", "王丽华"),
    ("收件人: 欧阳修文", "欧阳修文"),
    ('{"real_name": "张三"}', "张三"),
    ("<td>姓名</td><td>赵敏</td>", "赵敏"),
    ("户主：买买提·艾力，", "买买提·艾力"),
    ("乙方：陈建国（签字）", "陈建国"),
    ("被告人李和平因涉嫌诈骗", "李和平"),
    ("被告人张三于昨日", "张三"),
    ("患者王芳主诉头痛", "王芳"),
    ("我的姓名是张伟，", "张伟"),
    ("张三 13812345678", "张三"),
    ("13812345678 张三", "张三"),
    ("请联系张伟13812345678", "张伟"),
    ('{"name": "张三", "tel": "13812345678"}', "张三"),
    ("李雷，男，汉族，身份证在此", "李雷"),
    ("姓名：Zhang Xiaoming，", "Zhang Xiaoming"),
    ("Name: LI Lei\n", "LI Lei"),
    ("请联系张伟电话13812345678", "张伟"),
    ("业务员欧阳文静13812345678", "欧阳文静"),
    ("售后找王小明：13812345678", "王小明"),
    ("13812345678，浙江省杭州市西湖区文三路12号3幢201室，孙慧芳收", "孙慧芳"),
    ("13812345678（孙慧芳）", "孙慧芳"),
    ("13812345678，据队长王晓东说", "王晓东"),
    ("扎西·顿珠 敬上\nM: 13812345678", "扎西·顿珠"),
    ("张建国\n某某物流有限公司\n手机 13812345678", "张建国"),
    ("<td>曾春</td><td>13812345678</td>", "曾春"),
    ('{"payee":"尹强军","cardNo":"6"}', "尹强军"),
    ('{"driver_name":"尹强军"}', "尹强军"),
    ("owner: 王小明", "王小明"),
    ("乘机人：李雷", "李雷"),
    ("患者迪丽努尔·艾合买提，男", "迪丽努尔·艾合买提"),
    ("患者于璐，男", "于璐"),
    ("原告何媛与公司", "何媛"),
    ("现役军人贾婷，士兵证", "贾婷"),
    ("我叫罗浩松，刚搬来", "罗浩松"),
    ("我是人事部的吴祥莹，请您", "吴祥莹"),
    ("帮我问一下史欣同学在不在", "史欣"),
    ("石柏您好，快递到了", "石柏"),
    ("姓名,成绩\n夏侯娟,91", "夏侯娟"),
    ("序号,姓名,成绩\n1,夏侯娟,91", "夏侯娟"),
    ("驾驶员,档案编号\n吕豪涛,x", "吕豪涛"),
    ("| 姓名 | 成绩 |\n|---|---|\n| 曾瑞豪 | 91 |", "曾瑞豪"),
    ('"编号","姓名"\n"1","曾瑞豪"', "曾瑞豪"),
    ("年级\t姓名\n二\t曾瑞豪", "曾瑞豪"),
    ("姓名：【张三】", "张三"),
    ("姓  名 ： 林 晓 峰", "林 晓 峰"),
    ("我是小区3栋的周凯。", "周凯"),
    ("来访人：王小明　事由", "王小明"),
    ("立書人：王小明（簽章）", "王小明"),
    ("复核：王小明　", "王小明"),
    ("“联系人”：王小明", "王小明"),
    ("<studentName>王小明</studentName>", "王小明"),
    ("走失老人王小明，离家", "王小明"),
    ("当事人古丽娜尔·吐尔逊，B2", "古丽娜尔·吐尔逊"),
    ("3号楼业主扎西·顿珠您好", "扎西·顿珠"),
    ("3号楼业主李晓明您好", "李晓明"),
    ("新同事曾婷今天入职", "曾婷"),
    ("请赖晓松同学到教务处", "赖晓松"),
    ("尊敬的张伟先生：", "张伟"),
    ("我女儿叫李晓明，五岁", "李晓明"),
    ("name,no\n夏强,G1", "夏强"),
    ("编号,地址,使用人\nZC-031,58:F7:4F:D0:13:FF,谢琳", "谢琳"),
    ("INSERT INTO t(id,name) VALUES(1,'董豪')", "董豪"),
    ("1. 文媛飞 13812345678", "文媛飞"),
    ("何英兰驾驶小型轿车，13812345678", "何英兰"),
    ("个人简历\n夏海妮　女　应届", "夏海妮"),
]
FOUND = [
    *NAMES,
    ("姓名,成绩\n夏侯娟,91\n贾平玲,87\n苏云,79",),
    ("员工\t工龄\n夏侯娟\t9\n贾平玲\t8\n苏云\t7",),
    ("我就是王小明。",),
    ("麻烦王小明老师",),
]


@pytest.mark.parametrize(("text", "value"), NAMES)
@pytest.mark.parametrize("shape", [str, full_width], ids=["ascii", "full-width"])
def test_names_behind_labels_and_beside_identifiers(text: str, value: str, shape: type[str]) -> None:
    assert found(shape(text)) == [("PERSON", shape(value), "contextual")]


def test_names_of_a_list_behind_a_label() -> None:
    assert [value for _, value, _ in found("联系人：张三、李四、王小五，地址另告")] == ["张三", "李四", "王小五"]


def test_a_roster_behind_a_role_tells_of_nobody_but_the_first() -> None:
    assert [value for _, value, _ in found("医生：张三、李四、王小五、赵六六、孙小七、周小八")] == ["张三"]


def test_names_in_the_first_rows_below_a_header() -> None:
    text = "序号,姓名,成绩\n1,夏侯娟,91\n2,贾平玲,87\n3,苏云,79"
    assert [value for _, value, _ in found(text)] == ["夏侯娟", "贾平玲", "苏云"]


def test_every_name_of_a_table_beside_an_identifier() -> None:
    rows = [f"{name},1381234{number}" for number, name in enumerate(["王小明", "曾春", "欧阳文静"] * 8, 5000)]
    assert len(found("\n".join(rows))) == 24


NO_NAMES = [
    "转我支付宝13812345678",
    "资料发到li@corp.cn谢谢啦",
    "13812345678 高血压",
    "副主任管理处13812345678",
    "我是甘肃人，",
    "《我叫王小明》",
    "他的小名叫王小明",
    "联系方式13812345678",
    "鼓励两国游客“双向奔赴”",
    "姓名,成绩\n总分,91",
    "客服您好，",
    "姓名：高中",
    "请提供您的姓名和联系方式",
    "联系人：王经理",
    "姓名：某某",
    "被告人张某",
    "被告人应当在三日内",
    "患者应慎用",
    "高血压患者平时应服药",
    "乙方：北京大华科技有限公司",
    "用户名代替",
    "客户：经济困难",
    "李白乘舟将欲行",
    "张三在北京",
    "电话 13812345678",
    "高中 13812345678",
    "黄山 13812345678",
    "lisi@corp.com。\n\n## 封面图",
    "name: String Value",
    "姓名：John Smith",
    "'street_name': 'Yang Via'",
    "晚上 丈夫 回来 了",
    "经查，电话13812345678",
    "主持人：王小明",
    "老人：何必，",
    "记者：王小明",
    "gate=东门,13812345678",
    "旅客,舱位\n经济舱,1",
    "遂自称武安王，建元",
    "被告人原判量刑过重",
    "原告居住地在何处",
    "被告人诸公，",
    "子三人：何明、何亮",
    "队员11人：李明、何亮",
    "能者：尚贤，",
    "学者：王明，",
    "「患者」王朝",
    "司机《何方》，",
    "护士」：王明，",
    "旅行会员万里，",
    "外国客户高明，",
    "《会员安娜·索洛娃》",
    "这里是美丽的何文，",
    "我是开朗的何文，",
    "黄家峪 13812345678",
    "| 白云寺 | 13812345678 |",
    "关注「王小明」公众号，13812345678",
    "公司约请李明先生",
    "公司聘请李明先生",
]


@pytest.mark.parametrize("text", NO_NAMES)
@pytest.mark.parametrize("shape", [str, full_width], ids=["ascii", "full-width"])
def test_words_are_no_names(text: str, shape: type[str]) -> None:
    assert found(shape(text)) == []


# Laws

people = st.sampled_from(["张三", "李小明", "欧阳修文", "王芳", "买买提·艾力", "Zhang Wei", "赵 敏"])
labels = st.sampled_from(
    ["姓名", "联系人：", "被告人", "患者", "乙方：", "real_name", "Name: ", "姓 名：", "户名 ", "生于", "出生日期："]
)
dates = st.sampled_from(["1985年3月5日", "1985.03", "八五年三月", "19850305", "1985年3月生，", "1895-03-02出生"])
glue = st.text(st.sampled_from("：，、。（）\"'<td>\n 男女是为13812345678@.和的因先生"), max_size=12)
padding = st.sampled_from(["", "好" * 30, "张" * 200, "1" * 60, "姓名：" * 40, "、李四" * 60])
documents = st.lists(st.one_of(people, labels, dates, glue, padding, st.just("13812345678")), max_size=12).map("".join)


@settings(max_examples=300, deadline=None)
@given(documents, st.booleans())
def test_the_gate_loses_and_invents_nothing(text: str, widened: bool) -> None:
    text = full_width(text) if widened else text
    assert DETECTOR.find(text) == DETECTOR.find_ungated(text)


@settings(max_examples=200, deadline=None)
@given(documents, st.booleans())
def test_anchors_match_within_reach_of_every_finding(text: str, widened: bool) -> None:
    raw = full_width(text) if widened else text
    for rule in RULES:
        for start, end, _ in rule.findings(raw.translate(FOLD)) if rule.anchor else ():
            near = raw[max(0, start - rule.longest) : end + 12]
            assert re.search(rule.anchor, near)
            assert pc.match_substring_regex(pa.array([near]), rule.anchor)[0].as_py()


@pytest.mark.parametrize(
    "unit", ["姓名：", "张", "、张三", "·", "姓 ", "<td>", "张三，男，", "我叫", "姓名,\n", "我是张的", "张你好", "明"]
)
def test_monotonous_documents_come_to_an_end(unit: str) -> None:
    DETECTOR.find("13812345678 " + unit * (100_000 // len(unit)) + " 13812345678")  # quadratic work would take minutes


def seconds(text: str) -> float:
    took = []
    for _ in range(3):
        start = time.process_time()
        DETECTOR.spans(text)
        took.append(time.process_time() - start)
    return min(took)


@pytest.mark.parametrize("size", [10_000, pytest.param(1_250_000, marks=pytest.mark.slow)])
def test_many_names_beside_many_numbers_take_linear_time(size: int) -> None:
    text = "张三 13812345678 " * (size // 19)
    DETECTOR.spans(text)
    assert seconds(text * 4) <= 6.5 * seconds(text)


@pytest.mark.parametrize(
    ("value", "is_one"), [("张三", True), ("谢谢啦", False), ("付款", False), ("王经理", False), ("哈哈哈", False)]
)
def test_words_and_forms_of_address_are_no_names(value: str, is_one: bool) -> None:
    assert is_name(value) is is_one
